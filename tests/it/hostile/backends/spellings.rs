//! Addresses that may not be reached, in every spelling: through the whole way from the text of an endpoint to the connecting, as a
//! driver's next link, and as the place of an issuer of tokens. Each has a twin: allowed, the same spelling is connected to.
//!
//! No packet leaves the machine: numbers are read by the system's resolver, which asks nobody for them; names mean what is said here;
//! and whatever is connected to ends at the same port on loopback.

mod list;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::net::TcpStream;
use vend::capability::address::Networks;
use vend::capability::reach::{Network, Route};
use vend::capability::settings::{ClientCredentials, Credential};
use vend::domain::secret::Plain;

use super::*;
use list::Spelling;

/// A public name, and a private one that is allowed.
const PUBLIC: &str = "api.example.com";
const PUBLIC_ADDRESS: &str = "93.184.216.34";

#[derive(Default)]
struct Atlas {
    /// What a name means: the next thing at each look-up, the last one from then on.
    names: Mutex<BTreeMap<String, Vec<Vec<IpAddr>>>>,
    dialled: Mutex<Vec<IpAddr>>,
}

#[async_trait]
impl Network for Atlas {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Some(meanings) = self.names.lock().expect("not poisoned").get_mut(host) {
            let meaning = if meanings.len() > 1 { meanings.remove(0) } else { meanings[0].clone() };
            return Ok(meaning.into_iter().map(|ip| SocketAddr::new(ip, port)).collect());
        }
        let is_number = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | 'x');
        assert!(host.chars().all(is_number) && !host.ends_with('.'), "nobody is asked for a name: {host}");
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.dialled.lock().expect("not poisoned").push(address.ip());
        TcpStream::connect((Ipv4Addr::LOCALHOST, address.port())).await
    }
}

impl Atlas {
    fn new() -> Arc<Self> {
        let atlas = Self::default();
        atlas.mean(PUBLIC, &[&[PUBLIC_ADDRESS]]);
        Arc::new(atlas)
    }

    fn mean(&self, name: &str, meanings: &[&[&str]]) {
        let addresses = |texts: &&[&str]| texts.iter().map(|text| text.parse().expect("an address")).collect();
        let meanings = meanings.iter().map(addresses).collect();
        self.names.lock().expect("not poisoned").insert(name.to_owned(), meanings);
    }

    /// What was connected to since it was asked last.
    fn dialled(&self) -> Vec<IpAddr> {
        std::mem::take(&mut *self.dialled.lock().expect("not poisoned"))
    }
}

/// A connection to `endpoint` that may reach `networks` besides public addresses.
fn open(atlas: &Arc<Atlas>, endpoint: &str, networks: &[String]) -> Terms {
    let mut terms = terms(endpoint);
    terms.settings.networks = networks.to_vec();
    terms.network = Some(atlas.clone());
    terms
}

fn tokens(endpoint: String) -> Credential {
    Credential::ClientCredentials(ClientCredentials {
        token_endpoint: endpoint,
        client_id: "vend".into(),
        client_secret: Plain::new("s3cr3t-of-the-client"),
        scope: None,
        audience: None,
    })
}

/// What a read comes to, and what was connected to for it; or that there is no such connection.
async fn asked(atlas: &Arc<Atlas>, terms: &Terms) -> (Result<u16, String>, Vec<IpAddr>) {
    let came = match terms.http() {
        Err(error) => Err(error.code),
        Ok(_) => status(&terms.attempt(&terms.backend()).fetch(get("/a")).await),
    };
    (came, atlas.dialled())
}

/// The same for a write, which leaves no doubt.
async fn written(atlas: &Arc<Atlas>, terms: &Terms) -> (Result<u16, String>, Vec<IpAddr>) {
    let mut world = terms.attempt(&terms.backend());
    let came = status(&world.send(request("POST", "/a"), Semantics::Unsafe).await);
    assert_eq!(came.clone().err().as_deref(), Some(world.last_write().as_str()));
    (came, atlas.dialled())
}

/// What the way itself comes to, for hosts that no certificate can name.
async fn routed(atlas: &Arc<Atlas>, host: &str, port: u16, networks: &[String]) -> (Result<(), String>, Vec<IpAddr>) {
    let route = Route {
        connection: "api".into(),
        host: host.to_ascii_lowercase(),
        port,
        networks: Networks::parse(networks).expect("networks"),
        encrypted: true,
        network: atlas.clone(),
    };
    (route.connect().await.map(drop).map_err(|error| error.code), atlas.dialled())
}

#[tokio::test]
async fn no_spelling_of_a_forbidden_address_is_reached() {
    let mut report = Report::new("backend: spellings");
    let web = Web::start(|_| answer("200 OK", &[], "fine")).await;
    let atlas = Atlas::new();
    // Nobody listens there any more.
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("its address").port()
    };
    let refused = |code: &str| (Err(code.to_owned()), Vec::new());
    let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    let all = list::all();
    for Spelling { class, host, address } in &all {
        let address: IpAddr = address.parse().expect("an address");
        let plain = address.to_canonical();
        if list::is_name(host) {
            atlas.mean(&host.to_ascii_lowercase(), &[&[&address.to_string()]]);
        }
        let range = [plain.to_string()];
        let scheme = if plain.is_loopback() { "http" } else { "https" };
        let port = if plain.is_loopback() { web.port } else { gone };
        let url = format!("{scheme}://{host}:{port}");
        let count = counts.entry(class).or_default();
        count[0] += 1;

        // As an endpoint, and the twin.
        let (came, dialled) = asked(&atlas, &open(&atlas, &url, &[])).await;
        match came.as_ref().err().map(String::as_str) {
            Some("ADDRESS_FORBIDDEN") => {
                assert_eq!(written(&atlas, &open(&atlas, &url, &[])).await, refused("ADDRESS_FORBIDDEN"), "{url}");
                let (came, dialled) = asked(&atlas, &open(&atlas, &url, &range)).await;
                let expected = match scheme {
                    "http" => Ok(200),
                    // Nobody is there.
                    _ => Err("BACKEND_UNAVAILABLE".to_owned()),
                };
                assert_eq!((came, dialled), (expected, vec![address]), "{url}: allowed");
                count[1] += 1;
            }
            // No certificate can name it: refused whatever is allowed. On the way it is forbidden all the same.
            Some("CONNECTION_INVALID") if scheme == "https" => {
                let bare = host.trim_matches(['[', ']']);
                assert_eq!(routed(&atlas, bare, web.port, &[]).await, refused_route(), "{host}");
                assert_eq!(routed(&atlas, bare, web.port, &range).await, (Ok(()), vec![address]), "{host}: allowed");
                count[2] += 1;
            }
            _ => panic!("{url}: {came:?}"),
        }
        assert!(dialled.is_empty(), "{url}: {dialled:?}");

        // As the next link of a driver.
        let public = open(&atlas, &format!("https://{PUBLIC}:{gone}"), &[]);
        let mut world = public.attempt(&public.backend());
        let next = status(&world.fetch(get(&format!("{url}/a"))).await);
        assert_eq!((next, atlas.dialled()), refused("URL_OUTSIDE"), "{url}: as a next link");

        // As the place of an issuer.
        let issued = public.credential(tokens(format!("{url}/token")));
        let expected = if count_is_named(&came) { "ADDRESS_FORBIDDEN" } else { "CONNECTION_INVALID" };
        assert_eq!(asked(&atlas, &issued).await, refused(expected), "{url}: as an issuer");
        if count_is_named(&came) {
            let mut allowed = issued;
            allowed.settings.networks = range.to_vec();
            assert_eq!(asked(&atlas, &allowed).await.1, [address], "{url}: as an issuer, allowed");
        }
    }
    // The links' twin.
    let public = open(&atlas, &format!("https://{PUBLIC}:{gone}"), &[]);
    let next = public.attempt(&public.backend()).fetch(get(&format!("https://{PUBLIC}:{gone}/a"))).await;
    assert_eq!(
        (status(&next), atlas.dialled()),
        (Err("BACKEND_UNAVAILABLE".to_owned()), vec![PUBLIC_ADDRESS.parse().expect("it")])
    );

    for (class, [spellings, whole, way]) in &counts {
        let outcome = "ADDRESS_FORBIDDEN as endpoint and issuer, URL_OUTSIDE as next link; allowed, the same spelling is connected to";
        let also = if *way > 0 { format!(" ({way} cannot be endpoints of https at all)") } else { String::new() };
        report.row(format!("{class}: {spellings} spellings"), format!("{outcome}{also}"), "0 connections");
        assert_eq!(whole + way, *spellings, "{class}");
    }
    let mut texts: Vec<&str> = all.iter().map(|it| it.host.as_str()).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), all.len(), "each is there once");
    assert!(texts.len() >= 150, "{} spellings", texts.len());
    report.row(
        "spellings of forbidden addresses in all",
        format!("{}, none reached", texts.len()),
        "each with a twin that is",
    );
}

fn refused_route() -> (Result<(), String>, Vec<IpAddr>) {
    (Err("ADDRESS_FORBIDDEN".to_owned()), Vec::new())
}

/// Whether a connection with that endpoint exists.
fn count_is_named(came: &Result<u16, String>) -> bool {
    came.as_ref().err().map(String::as_str) != Some("CONNECTION_INVALID")
}

/// Texts that some reader takes for an address, and vend takes for none.
#[tokio::test]
async fn what_is_no_host_is_no_connection() {
    let mut report = Report::new("backend: hosts that are none");
    let web = Web::start(|_| answer("200 OK", &[], "fine")).await;
    let atlas = Atlas::new();
    let everything = ["0.0.0.0/0".to_owned(), "::/0".to_owned()];
    for text in list::NO_HOSTS {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{text}/v1");
            let refused = (Err("CONNECTION_INVALID".to_owned()), Vec::new());
            assert_eq!(asked(&atlas, &open(&atlas, &url, &everything)).await, refused, "{url}");
            let public = open(&atlas, &format!("{scheme}://{PUBLIC}/v1"), &everything);
            let mut world = public.attempt(&public.backend());
            let next = status(&world.fetch(get(&format!("{url}/a"))).await);
            assert!(
                matches!(next.as_ref().map_err(String::as_str), Err("URL_OUTSIDE" | "PATH_INVALID")),
                "{url}: as a next link: {next:?}"
            );
            let issued = public.credential(tokens(url.clone()));
            assert_eq!(asked(&atlas, &issued).await, refused, "{url}: as an issuer");
        }
    }
    // The twin: written as hosts are.
    let fine = open(&atlas, &format!("http://127.0.0.1:{}/v1", web.port), &everything);
    assert_eq!(asked(&atlas, &fine).await, (Ok(200), vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]));
    let outcome = "CONNECTION_INVALID as endpoint and issuer, URL_OUTSIDE or PATH_INVALID as next link";
    report.row(format!("{} texts that are no host", list::NO_HOSTS.len()), outcome, "0 connections");
}

/// What a name meant before counts for nothing, and neither does what else it means.
#[tokio::test]
async fn a_name_that_changes_its_meaning() {
    let mut report = Report::new("backend: names");
    let web = Web::start(|_| [answer("200 OK", &[], "fine"), vec![Act::Close]].concat()).await;
    let atlas = Atlas::new();
    let local = ["127.0.0.0/8".to_owned()];
    let url = format!("http://rebound.example.com:{}", web.port);
    let names = |meanings: &[&[&str]]| atlas.mean("rebound.example.com", meanings);
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");

    names(&[&["127.0.0.1"], &["169.254.169.254"], &["127.0.0.2"], &["10.0.0.1"], &["::1"]]);
    let terms = open(&atlas, &url, &local);
    let backend = terms.backend();
    let mut came = Vec::new();
    for _ in 0..5 {
        let found = status(&terms.attempt(&backend).fetch(get("/a")).await);
        came.push((found, atlas.dialled()));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let forbidden = || (Err("ADDRESS_FORBIDDEN".to_owned()), Vec::new());
    let reached = |text: &str| (Ok(200), vec![address(text)]);
    assert_eq!(came, [reached("127.0.0.1"), forbidden(), reached("127.0.0.2"), forbidden(), forbidden()]);
    report.row(
        "a name that means something else at each look-up",
        "ADDRESS_FORBIDDEN each time it is",
        "3 of 5 not reached",
    );

    names(&[&["169.254.169.254", "10.0.0.1", "127.0.0.3", "::1"]]);
    assert_eq!(asked(&atlas, &open(&atlas, &url, &local)).await, reached("127.0.0.3"));
    report.row("a name with four addresses, one allowed", "200", "the others are not tried");

    names(&[&[]]);
    let none = (Err("BACKEND_UNAVAILABLE".to_owned()), Vec::new());
    assert_eq!(asked(&atlas, &open(&atlas, &url, &local)).await, none);
    let many: Vec<String> = (1..=200).map(|n| format!("10.0.0.{n}")).chain(["127.0.0.1".to_owned()]).collect();
    names(&[&many.iter().map(String::as_str).collect::<Vec<_>>()]);
    assert_eq!(asked(&atlas, &open(&atlas, &url, &local)).await, forbidden());
    report.row("a name with 201 addresses", "ADDRESS_FORBIDDEN: the first 16 count", "0 connections");

    // Allowed is not enough where nothing is encrypted.
    names(&[&["10.0.0.1"]]);
    let wide = ["10.0.0.0/8".to_owned()];
    let unencrypted = (Err("TLS_REQUIRED".to_owned()), Vec::new());
    assert_eq!(asked(&atlas, &open(&atlas, &url, &wide)).await, unencrypted);
    names(&[&[PUBLIC_ADDRESS]]);
    assert_eq!(asked(&atlas, &open(&atlas, &url, &[])).await, unencrypted);
    let issued = open(&atlas, &format!("https://{PUBLIC}"), &wide).credential(tokens(url.clone()));
    assert_eq!(asked(&atlas, &issued).await, unencrypted);
    report.row("an address that is allowed, without TLS", "TLS_REQUIRED, for endpoint and issuer", "0 connections");
}
