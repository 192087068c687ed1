//! Authorities and certificates, made by the machine's `openssl`.

use std::path::Path;
use std::process::{Command, Stdio};

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;

pub struct Pki(TempDir);

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct Leaf {
    name: String,
    pub certificate: String,
    pub key: String,
}

impl Leaf {
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(self.certificate.as_bytes()).collect::<Result<_, _>>().expect("certificates")
    }

    pub fn private(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("a key")
    }

    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.chain().remove(0)).expect("an authority");
        roots
    }
}

impl Pki {
    pub fn new() -> Self {
        Self(TempDir::new().expect("a directory"))
    }

    pub fn dir(&self) -> &Path {
        self.0.path()
    }

    pub fn authority(&self, name: &str) -> Leaf {
        self.run(&format!("{} -x509 -days 2 -keyout {name}.key -out {name}.pem -subj /CN={name}", REQUEST));
        self.read(name)
    }

    /// One that shows itself.
    pub fn authority_with(&self, name: &str, names: &str) -> Leaf {
        let extension = format!("-addext subjectAltName={names}");
        self.run(&format!("{REQUEST} -x509 -days 2 -keyout {name}.key -out {name}.pem -subj /CN={name} {extension}"));
        self.read(name)
    }

    /// `days`: less than none for one that is over. `names`: may be empty.
    pub fn leaf(&self, name: &str, authority: &Leaf, names: &str, days: i32, usage: &str) -> Leaf {
        let mut extensions = format!("extendedKeyUsage={usage}\n");
        if !names.is_empty() {
            extensions.push_str(&format!("subjectAltName={names}\n"));
        }
        std::fs::write(self.dir().join("extensions"), extensions).expect("written");
        self.run(&format!("{REQUEST} -new -keyout {name}.key -out {name}.csr -subj /CN=127.0.0.1"));
        let by = &authority.name;
        let signing = format!("-CA {by}.pem -CAkey {by}.key -CAcreateserial -days {days} -extfile extensions");
        self.run(&format!("x509 -req -in {name}.csr -out {name}.pem {signing}"));
        self.read(name)
    }

    fn read(&self, name: &str) -> Leaf {
        let text = |ending: &str| std::fs::read_to_string(self.dir().join(format!("{name}.{ending}"))).expect(name);
        Leaf { name: name.to_owned(), certificate: text("pem"), key: text("key") }
    }

    fn run(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(self.dir()).stdin(Stdio::null());
        let output = command.output().expect("openssl");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

const REQUEST: &str = "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
