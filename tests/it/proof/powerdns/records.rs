//! Record sets over their life: changed by apply, looked at, changed and deleted by somebody else, deleted.

use serde_json::json;

use super::server::{by_hand, core, order, record, serial, whole, zone};
use crate::proof::core::Core;
use crate::support::powerdns::Server;

#[track_caller]
fn applied(core: &Core, documents: &str) {
    core.run(&["apply", "-f", &core.file("order.yaml", documents), "--allow-destroy", "--wait", "--timeout", "2m"]);
}

#[track_caller]
fn assert_nothing_to_do(core: &Core, documents: &str) {
    core.run(&["plan", "-f", &core.file("order.yaml", documents), "--detailed-exitcode"]);
}

#[test]
fn contents_and_ttl_are_changed_and_the_serial_is_no_difference() {
    let server = Server::start();
    let core = core(&server);
    let www = |ttl: u32, records: &str| {
        let params = format!("zone: life.example, name: www.life.example, type: A, ttl: {ttl}, records: {records}");
        order("life", &[("zone", zone("life.example")), ("www", format!("dns-record, params: {{ {params} }}"))])
    };
    applied(&core, &www(60, "[192.0.2.1]"));
    assert_eq!(server.dig_ttl("www.life.example", "A"), ["60 192.0.2.1"]);
    let first = serial(&server, "life.example.");
    let changed = www(120, "[192.0.2.3, 192.0.2.2]");
    applied(&core, &changed);
    assert_eq!(server.dig_ttl("www.life.example", "A"), ["120 192.0.2.2", "120 192.0.2.3"]);
    assert_nothing_to_do(&core, &changed);
    // Another order and another spelling of the same.
    assert_nothing_to_do(&core, &changed.replace("[192.0.2.3, 192.0.2.2]", "[192.0.2.2, 192.0.2.3, 192.0.2.2]"));
    assert_nothing_to_do(&core, &changed.replace("name: www.life.example", "name: WWW.Life.Example."));
    by_hand(&server, "life.example.", "other.life.example.", "A", 60, &["192.0.2.9"]);
    assert!(serial(&server, "life.example.") > first, "every change moves it");
    assert_nothing_to_do(&core, &changed);
    for key in ["zone", "www"] {
        let now = core.json(&["refresh", &format!("life/{key}")]);
        assert_eq!((&now["presence"], &now["drift"]), (&json!("ready"), &json!([])), "{now}");
    }
    core.delete("life");
    assert_eq!(server.dig("www.life.example", "A"), [""; 0]);
    assert!(whole(&server, "life.example.").is_null());
}

#[test]
fn what_somebody_else_changed_is_seen_and_put_right() {
    let server = Server::start();
    let core = core(&server);
    let txt = |ttl: u32, text: &str| {
        let params = format!("zone: drift.example, name: drift.example, type: TXT, ttl: {ttl}, records: ['{text}']");
        order("drift", &[("zone", zone("drift.example")), ("txt", format!("dns-record, params: {{ {params} }}"))])
    };
    let text = "say \"hi\" – ü";
    applied(&core, &txt(60, text));
    let told = r#""say \"hi\" \226\128\147 \195\188""#;
    assert_eq!(server.dig("drift.example", "TXT"), [told]);
    // Another spelling of the same is no drift.
    by_hand(&server, "drift.example.", "drift.example.", "TXT", 60, &["\"say \\\"hi\\\" – ü\""]);
    assert_eq!(core.json(&["refresh", "drift/txt"])["drift"], json!([]));
    by_hand(&server, "drift.example.", "drift.example.", "TXT", 90, &["\"changed\""]);
    let now = core.json(&["refresh", "drift/txt"]);
    let pointers: Vec<_> = now["drift"].as_array().expect("a list").iter().map(|it| it["pointer"].clone()).collect();
    assert_eq!(pointers, ["/params/records", "/params/ttl"], "{now}");
    applied(&core, &txt(30, text));
    assert_eq!(server.dig_ttl("drift.example", "TXT"), [format!("30 {told}")]);

    by_hand(&server, "drift.example.", "drift.example.", "NS", 60, &["ns.elsewhere.example."]);
    let now = core.json(&["refresh", "drift/zone"]);
    assert_eq!(now["drift"][0]["observed"], json!(["ns.elsewhere.example."]), "{now}");
    core.delete("drift");
}

#[test]
fn what_somebody_else_deleted_is_made_again_or_given_up() {
    let server = Server::start();
    let core = core(&server);
    let mx = record("gone.example", "gone.example", "MX", "['10 Mail.gone.example']");
    let both = order("gone", &[("zone", zone("gone.example")), ("mx", mx)]);
    applied(&core, &both);
    assert_eq!(server.dig("gone.example", "MX"), ["10 mail.gone.example."]);
    by_hand(&server, "gone.example.", "gone.example.", "MX", 60, &[]);
    assert_eq!(core.json(&["refresh", "gone/mx"])["presence"], "absent");
    let planned = core.try_run(&["plan", "-f", &core.file("order.yaml", &both), "--detailed-exitcode"]);
    assert_eq!(planned.status, 2, "{planned:?}");
    applied(&core, &both);
    assert_eq!(server.dig("gone.example", "MX"), ["10 mail.gone.example."]);
    assert_eq!(server.call("DELETE", "/zones/gone.example.", &json!(null)).status, 204);
    for key in ["zone", "mx"] {
        assert_eq!(core.json(&["refresh", &format!("gone/{key}")])["presence"], "absent");
    }
    core.delete("gone");
}

#[test]
fn a_record_waits_for_its_zone() {
    let server = Server::start();
    let core = core(&server);
    let record = record("late.example", "'*.late.example'", "CNAME", "[host.elsewhere.example]");
    core.apply(&order("early", &[("it", record)]));
    core.until("early", "waiting");
    core.run(&["apply", "-f", &core.file("zone.yaml", &order("late", &[("zone", zone("late.example"))])), "--wait"]);
    core.ready("early");
    assert_eq!(server.dig("any.late.example", "CNAME"), ["host.elsewhere.example."]);
    // The zone goes first, and everything in it.
    core.delete("late");
    core.delete("early");
}

#[test]
fn a_zone_is_changed_by_apply() {
    let server = Server::start();
    let core = core(&server);
    let zone = |more: &str| order("servers", &[("it", format!("dns-zone, params: {{ name: servers.example{more} }}"))]);
    applied(&core, &zone(", nameservers: [ns1.a.example]"));
    assert_eq!(server.dig("servers.example", "NS"), ["ns1.a.example."]);
    let changed = zone(", nameservers: [NS3.a.example, ns2.a.example.], kind: primary");
    applied(&core, &changed);
    assert_eq!(server.dig("servers.example", "NS"), ["ns2.a.example.", "ns3.a.example."]);
    assert_eq!(whole(&server, "servers.example.")["kind"], "Master");
    assert_nothing_to_do(&core, &changed);
    assert_eq!(core.json(&["outputs", "servers/it"])["nameservers"], json!(["ns2.a.example.", "ns3.a.example."]));
    core.delete("servers");
}

#[test]
fn every_type_is_taken_by_the_server_in_its_normal_form() {
    let server = Server::start();
    let core = core(&server);
    let digest = "AA".repeat(32);
    let long = "x".repeat(300);
    let (first, rest) = ("x".repeat(255), "x".repeat(45));
    let cases = [
        ("a", "A", "192.0.2.1".to_owned(), "192.0.2.1".to_owned()),
        ("aaaa", "AAAA", "2001:DB8::1:0".into(), "2001:db8::1:0".into()),
        ("caa", "CAA", "0 Issue letsencrypt.org".into(), "0 issue \"letsencrypt.org\"".into()),
        ("cname", "CNAME", "Host.Types.example".into(), "host.types.example.".into()),
        ("ds", "DS", format!("2371 13 2 {digest}"), "2371 13 2 AA".into()),
        ("https", "HTTPS", "1 . alpn=h2".into(), "1 . alpn=\"h2\"".into()),
        ("mx", "MX", "010  Mail.types.example".into(), "10 mail.types.example.".into()),
        (
            "naptr",
            "NAPTR",
            "100 10 \"S\" \"SIP+D2U\" \"\" _sip._udp.types.example.".into(),
            "100 10 \"S\" \"SIP+D2U\" \"\" _sip._udp.types.example.".into(),
        ),
        ("ns", "NS", "ns1.elsewhere.example".into(), String::new()),
        ("ptr", "PTR", "host.types.example".into(), "host.types.example.".into()),
        ("srv", "SRV", "0 5 0443 www.types.example".into(), "0 5 443 www.types.example.".into()),
        ("sshfp", "SSHFP", format!("4 2 {digest}"), "4 2 AA".into()),
        ("svcb", "SVCB", "1 svc.types.example. port=443".into(), "1 svc.types.example. port=443".into()),
        ("tlsa", "TLSA", "3 1 1 AA BB".into(), "3 1 1 AABB".into()),
        ("txt", "TXT", long.clone(), format!("\"{first}\" \"{rest}\"")),
    ];
    let mut resources = vec![("zone", zone("types.example"))];
    for (key, kind, content, _) in &cases {
        resources
            .push((key, record("types.example", &format!("{key}.types.example"), kind, &json!([content]).to_string())));
    }
    let all = order("types", &resources);
    applied(&core, &all);
    assert_nothing_to_do(&core, &all);
    for (key, kind, _, expected) in &cases {
        let now = core.json(&["refresh", &format!("types/{key}")]);
        assert_eq!((&now["presence"], &now["drift"]), (&json!("ready"), &json!([])), "{kind}: {now}");
        let told = server.dig(&format!("{key}.types.example"), kind);
        // A delegation is no answer of this server's own.
        let answers = usize::from(*kind != "NS");
        assert_eq!(told.len(), answers, "{kind}: {told:?}");
        assert!(told.iter().all(|content| content.starts_with(expected)), "{kind}: {told:?}");
    }
    core.delete("types");
    assert!(whole(&server, "types.example.").is_null());
}
