//! The driver `powerdns`: zones and record sets on a PowerDNS authoritative server, over its HTTP API.

mod content;
mod name;
mod record;
mod server;
mod txt;
mod zone;

use vend_sdk::{Driver, Slot};

vend_sdk::export!(driver);

pub fn driver() -> Driver {
    vend_sdk::driver!()
        .title("PowerDNS")
        .slot(
            "server",
            Slot::read_write(["http"]).about("The HTTP API of the server, down to `/api/v1`.").requests([
                ("GET POST", "/servers/localhost/zones"),
                ("GET PUT PATCH DELETE", "/servers/localhost/zones/*"),
            ]),
        )
        .serves::<zone::DnsZone>()
        .serves::<record::DnsRecord>()
}

#[cfg(test)]
mod tests;
