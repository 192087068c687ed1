//! Authorities and certificates, made with the `openssl` program.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// For a server on this machine.
pub const LOCAL: &str = "subjectAltName=DNS:localhost,IP:127.0.0.1";

/// Signs certificates; its files are `NAME.pem` and `NAME.key` of a folder.
pub struct Authority {
    folder: PathBuf,
    name: String,
}

/// PEM files of one certificate and its key; the key is readable by its owner alone.
#[derive(Clone)]
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    pub fn new(folder: &Path, name: &str) -> Self {
        let script = r#"
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.pem" \
                -days 3650 -subj "/CN=$1" -addext basicConstraints=critical,CA:TRUE
            printf '%s\n' '[ca]' 'default_ca=own' '[own]' "database=$1.index" "certificate=$1.pem" "private_key=$1.key" \
                "serial=$1.serial" new_certs_dir=. default_md=sha256 policy=any unique_subject=no '[any]' commonName=supplied > "$1.cnf"
            : > "$1.index""#;
        shell(folder, script, &[name]);
        Self { folder: folder.to_owned(), name: name.to_owned() }
    }

    /// What one trusts who trusts this authority.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join(format!("{}.pem", self.name))
    }

    pub fn pair(&self) -> Pair {
        Pair { certificate: self.certificate(), key: self.folder.join(format!("{}.key", self.name)) }
    }

    /// Files `NAME.pem` and `NAME.key`, good for a long time before and after now.
    pub fn sign(&self, name: &str, extensions: &str) -> Pair {
        self.sign_between(name, extensions, "20200101000000Z", "20700101000000Z")
    }

    pub fn sign_between(&self, name: &str, extensions: &str, from: &str, to: &str) -> Pair {
        let script = r#"
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$2.key" -out "$2.csr" -subj "/CN=$2"
            printf '%s\n' "$3" > "$2.ext"
            openssl ca -batch -notext -create_serial -config "$1.cnf" -startdate "$4" -enddate "$5" -in "$2.csr" -out "$2.pem" \
                -extfile "$2.ext"
            chmod 600 "$2.key""#;
        shell(&self.folder, script, &[&self.name, name, extensions, from, to]);
        let file = |ending: &str| self.folder.join(format!("{name}.{ending}"));
        Pair { certificate: file("pem"), key: file("key") }
    }
}

fn shell(folder: &Path, script: &str, arguments: &[&str]) {
    let mut command = Command::new("sh");
    command.args(["-ec", script, "sh"]).args(arguments).current_dir(folder).stdin(Stdio::null());
    let output = command.output().expect("a shell");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}
