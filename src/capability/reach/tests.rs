//! Which addresses are connected to, whatever a name means at the moment.

use std::net::Ipv4Addr;
use std::sync::Mutex;

use tokio::net::TcpListener;

use super::*;

/// Names mean what the test says, each look-up the next thing; whatever is connected to ends at one listener.
struct Told {
    meanings: Mutex<Vec<Vec<&'static str>>>,
    connected: Mutex<Vec<IpAddr>>,
    listener: u16,
}

#[async_trait]
impl Network for Told {
    async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let meaning = self.meanings.lock().expect("not poisoned").remove(0);
        Ok(meaning.into_iter().map(|ip| SocketAddr::new(ip.parse().expect("an address"), port)).collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.connected.lock().expect("not poisoned").push(address.ip());
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.listener)).await
    }
}

/// What each of as many attempts as there are meanings came to, and the addresses that were connected to.
async fn attempts(networks: &[&str], encrypted: bool, meanings: &[&[&'static str]]) -> (Vec<String>, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let network = Arc::new(Told {
        meanings: Mutex::new(meanings.iter().map(|meaning| meaning.to_vec()).collect()),
        connected: Mutex::default(),
        listener: listener.local_addr().expect("an address").port(),
    });
    let route = Route {
        connection: "c".into(),
        host: "backend.example.com".into(),
        port: 443,
        networks: Networks::parse(networks).expect("networks"),
        encrypted,
        network: network.clone(),
    };
    let mut results = Vec::new();
    for _ in meanings {
        results.push(route.connect().await.map_or_else(|error| error.code, |_| "connected".to_owned()));
    }
    let connected = network.connected.lock().expect("not poisoned").iter().map(IpAddr::to_string).collect();
    (results, connected)
}

#[tokio::test]
async fn a_name_is_what_it_means_each_time() {
    let meanings: [&[&str]; 4] = [&["93.184.216.34"], &["127.0.0.1"], &["169.254.169.254"], &["93.184.216.34"]];
    let (results, connected) = attempts(&[], true, &meanings).await;
    assert_eq!(results, ["connected", "ADDRESS_FORBIDDEN", "ADDRESS_FORBIDDEN", "connected"]);
    assert_eq!(connected, ["93.184.216.34", "93.184.216.34"]);
}

#[tokio::test]
async fn of_several_addresses_the_forbidden_are_left_out() {
    let (results, connected) =
        attempts(&[], true, &[&["10.0.0.1", "::1", "93.184.216.34"], &["10.0.0.1", "::1"], &[]]).await;
    assert_eq!(results, ["connected", "ADDRESS_FORBIDDEN", "BACKEND_UNAVAILABLE"]);
    assert_eq!(connected, ["93.184.216.34"]);
    let (results, connected) = attempts(&["10.0.0.0/8"], true, &[&["10.0.0.1", "::1"]]).await;
    assert_eq!((results[0].as_str(), connected.as_slice()), ("connected", ["10.0.0.1".to_owned()].as_slice()));
}

/// The first address says nothing, and the next one is tried while there is time.
#[tokio::test]
async fn an_address_that_says_nothing_is_left_alone() {
    struct Silent(u16);

    #[async_trait]
    impl Network for Silent {
        async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
            Ok([[93, 184, 216, 34], [93, 184, 216, 35]].map(|ip| SocketAddr::new(ip.into(), port)).into())
        }

        async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
            match address.ip() {
                IpAddr::V4(ip) if ip.octets()[3] == 34 => std::future::pending().await,
                _ => TcpStream::connect((Ipv4Addr::LOCALHOST, self.0)).await,
            }
        }
    }

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let route = Route {
        connection: "c".into(),
        host: "backend.example.com".into(),
        port: 443,
        networks: Networks::default(),
        encrypted: true,
        network: Arc::new(Silent(listener.local_addr().expect("an address").port())),
    };
    let connected = tokio::time::timeout(std::time::Duration::from_secs(60), route.connect()).await;
    assert!(connected.expect("it does not wait for the first one").is_ok());
}

#[tokio::test]
async fn nothing_leaves_the_machine_unencrypted() {
    let (results, connected) = attempts(&["127.0.0.0/8"], false, &[&["93.184.216.34"], &["127.0.0.1"]]).await;
    assert_eq!(results, ["TLS_REQUIRED", "connected"]);
    assert_eq!(connected, ["127.0.0.1"]);
}
