//! Whom the command line trusts, and how it says what stands in the way.

use super::{Place, text};
use crate::support::certificates::{Authority, LOCAL};
use crate::support::program::{Program, ran};

#[track_caller]
fn check(core: &Program, arguments: &[&str], status: i32, words: &[&str]) {
    let ran = core.run(&[&["whoami", "-v"], arguments].concat());
    assert_eq!(ran.status, status, "{arguments:?}: {ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "{arguments:?}: `{word}` in: {}", ran.stderr);
    }
}

#[test]
fn each_way_of_not_coming_to_terms_has_its_own_words() {
    let place = Place::new();
    let core = place.serve(&["--listen", "0.0.0.0:0"]);
    let at = |host: &str| format!("{host}:{}", core.port);
    let ca = place.ca();

    let words = ["speaks TLS, and was not asked to", "use https://", "(from --server)"];
    check(&core, &["--server", &format!("http://{}", at("127.0.0.1"))], 1, &words);
    let url = format!("https://{}", at("localhost"));
    check(&core, &["--server", &url], 1, &["no authority that this system trusts has signed", "--ca-file"]);
    let other = Authority::new(place.folder.path(), "other");
    let file = text(&other.certificate());
    check(&core, &["--server", &url, "--ca-file", &file], 1, &["no authority in `", "other.pem", "has signed"]);
    let wrong = format!("https://{}", at("127.0.0.2"));
    let words = ["a certificate for localhost, 127.0.0.1, not for 127.0.0.2", "use the name"];
    check(&core, &["--server", &wrong, "--ca-file", &ca], 1, &words);

    let plain = Program::start(&[]);
    let url = plain.url.replace("http://", "https://");
    check(&plain, &["--server", &url], 1, &["does not speak TLS", "use http://"]);
    check(&plain, &["--server", &format!("https://localhost:{}", plain.port)], 1, &["does not speak TLS"]);
}

#[test]
fn a_certificate_out_of_its_time_is_told_with_the_date() {
    let place = Place::new();
    for (name, from, to, words) in [
        ("old", "20200101000000Z", "20210203000000Z", ["has expired on 2021-02-03T00:00:00Z", "renewed"]),
        ("early", "20650101000000Z", "20660101000000Z", ["not valid before 2065-01-01T00:00:00Z", "clocks"]),
    ] {
        let core = super::serve(&place.authority.sign_between(name, LOCAL, from, to), &[]);
        check(&core, &["--ca-file", &place.ca()], 1, &words);
    }
}

#[test]
fn what_will_not_help_is_not_tried_again() {
    let place = Place::new();
    let core = place.serve(&[]);
    let url = format!("http://localhost:{}", core.port);
    for (more, words) in
        [(&[][..], "no authority that this system trusts"), (&["--server", &url], "speaks TLS, and was not asked to")]
    {
        // A call with a request id, which is sent again while that may help.
        let ran = core.run(&[&["delete", "order", "x", "-v"], more].concat());
        assert!(ran.status == 1 && ran.stderr.contains(words), "{ran:?}");
        assert!(!ran.stderr.contains("asking again"), "{ran:?}");
    }
}

#[test]
fn trust_comes_from_the_flag_the_variable_the_context_or_the_system() {
    let place = Place::new();
    let core = place.serve(&[]);
    let url = format!("https://localhost:{}", core.port);
    let token_file = text(&core.token_file());
    let asked = ["whoami", "--server", &url, "--token-file", &token_file];
    let with = |variable: &str| {
        let mut command = core.command(&asked);
        ran(command.env(variable, place.authority.certificate()).output().expect("it ends"))
    };
    assert_eq!(core.run(&asked).status, 1);
    assert_eq!(core.run(&[&asked[..], &["--ca-file", &place.ca()]].concat()).status, 0);
    assert_eq!(with("VEND_CA_FILE").status, 0);
    // Where the system keeps whom it trusts.
    assert_eq!(with("SSL_CERT_FILE").status, 0);

    let files = ["--token-file", &token_file, "--ca-file", &place.ca()];
    let set = core.run(&[&["context", "set", "work", "--server", &url], &files[..]].concat());
    assert_eq!(set.status, 0, "{set:?}");
    let known = core.run(&["whoami", "--context", "work"]);
    assert!(known.status == 0 && known.stdout.contains(&url), "{known:?}");
}

#[test]
fn a_token_never_leaves_the_machine_in_the_clear() {
    // Loopback by address, and yet another machine by name: nobody listens, and nobody is asked.
    let core = Program::start(&[]);
    for far in ["http://192.0.2.1:7440", "http://core.example.org:7440", "http://0.0.0.0:7440"] {
        let words = ["is on another machine: the token would go there in the clear", "use https://"];
        check(&core, &["--server", far], 2, &words);
    }
    check(&core, &["--server", "gopher://127.0.0.1"], 2, &["is no address", "https://HOST:PORT"]);
}

#[test]
fn files_for_trust_that_will_not_do_are_named() {
    let place = Place::new();
    let core = place.serve(&[]);
    let empty = place.path("empty.pem");
    std::fs::write(&empty, "").expect("written");
    let (empty, missing) = (text(&empty), text(&place.path("missing.pem")));
    let (certificate, key) = (text(&place.pair.certificate), text(&place.pair.key));
    let other = text(&place.authority.pair().key);
    check(&core, &["--ca-file", &missing], 2, &["cannot read the authority's certificate", "missing.pem"]);
    check(&core, &["--ca-file", &empty], 2, &["empty.pem` holds no certificate in PEM"]);
    check(&core, &["--ca-file", &key], 2, &["core.key` holds no certificate in PEM"]);
    check(&core, &["--client-cert", &certificate], 2, &["go together", "--client-key"]);
    let pair = ["--client-cert", &certificate, "--client-key"];
    check(&core, &[&pair[..], &[&certificate]].concat(), 2, &["client key", "holds no private key"]);
    check(&core, &[&pair[..], &[&other]].concat(), 2, &["cannot be used with the key", "authority.key"]);
}
