//! What a file of a container has in it, before anything is put in place: of `content`, `binaryContent` or `source`.
//!
//! A source lies in the folder of the Score file or below, links followed, and has a bound: a Score file that somebody sent
//! reads nothing else of this machine.

use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::placeholder::{Invalid, short};

/// Bytes of one source.
const MOST_BYTES: usize = 1 << 20;

/// Content as it was found.
#[derive(Debug, PartialEq)]
pub enum Raw {
    /// With placeholders.
    Expand(String),
    Text(String),
    Binary(Vec<u8>),
}

pub fn raw(folder: &Path, entry: &Value) -> Result<Raw, Invalid> {
    let bytes = if let Some(text) = entry["content"].as_str() {
        text.as_bytes().to_vec()
    } else if let Some(text) = entry["binaryContent"].as_str() {
        let bytes = STANDARD.decode(text).map_err(|error| Invalid::new(format!("this is not base64: {error}"), ""))?;
        return Ok(Raw::Binary(bytes));
    } else {
        read(folder, entry["source"].as_str().unwrap_or_default())?
    };
    let literal = entry["noExpand"] == Value::Bool(true);
    // What is no text has no placeholders either.
    Ok(match String::from_utf8(bytes) {
        Ok(text) if literal => Raw::Text(text),
        Ok(text) => Raw::Expand(text),
        Err(error) => Raw::Binary(error.into_bytes()),
    })
}

/// The text in which placeholders are looked for, if there is one.
pub fn text(folder: &Path, entry: &Value) -> Result<Option<String>, Invalid> {
    Ok(match raw(folder, entry)? {
        Raw::Expand(text) => Some(text),
        Raw::Text(_) | Raw::Binary(_) => None,
    })
}

fn read(folder: &Path, source: &str) -> Result<Vec<u8>, Invalid> {
    let shown = short(source);
    let failed = |error: std::io::Error| {
        Invalid::new(
            format!("cannot read the source `{shown}`: {error}"),
            "its path starts from the Score file's folder",
        )
    };
    let root = folder.canonicalize().map_err(failed)?;
    let path = root.join(source).canonicalize().map_err(failed)?;
    if !path.starts_with(&root) {
        let message = format!("the source `{shown}` leads out of the Score file's folder");
        return Err(Invalid::new(message, "only files in it and below are read: copy it there"));
    }
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(Invalid::new(format!("the source `{shown}` is no file"), ""));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(&path).map_err(failed)?;
    file.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MOST_BYTES {
        return Err(Invalid::new(format!("the source `{shown}` has more than {MOST_BYTES} bytes"), ""));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn contents() {
        let outer = tempfile::tempdir().expect("a folder");
        let folder = outer.path().join("app");
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::write(outer.path().join("key"), "secret").expect("written");
        std::fs::write(folder.join("a.txt"), "I am ${metadata.name}").expect("written");
        std::fs::write(folder.join("b.bin"), [0xff, 0x00]).expect("written");
        std::fs::write(folder.join("large"), vec![b'x'; MOST_BYTES + 1]).expect("written");
        std::os::unix::fs::symlink(outer.path().join("key"), folder.join("link")).expect("a link");
        std::os::unix::fs::symlink("a.txt", folder.join("near")).expect("a link");
        let out = "leads out of the Score file's folder";
        let absolute = outer.path().join("key").display().to_string();
        for (entry, expected) in [
            (json!({"content": "a ${x}"}), Ok(Raw::Expand("a ${x}".to_owned()))),
            (json!({"content": "a ${x}", "noExpand": true}), Ok(Raw::Text("a ${x}".to_owned()))),
            (json!({"binaryContent": "aGVsbG8="}), Ok(Raw::Binary(b"hello".to_vec()))),
            (json!({"source": "a.txt"}), Ok(Raw::Expand("I am ${metadata.name}".to_owned()))),
            (json!({"source": "./near", "noExpand": true}), Ok(Raw::Text("I am ${metadata.name}".to_owned()))),
            (json!({"source": "b.bin"}), Ok(Raw::Binary(vec![0xff, 0x00]))),
            (json!({"source": "../key"}), Err(format!("the source `../key` {out}"))),
            (json!({"source": absolute}), Err(format!("the source `{}` {out}", short(&absolute)))),
            (json!({"source": "link"}), Err(format!("the source `link` {out}"))),
            (json!({"source": "."}), Err("the source `.` is no file".to_owned())),
            (json!({"source": "large"}), Err(format!("the source `large` has more than {MOST_BYTES} bytes"))),
            (
                json!({"source": "c"}),
                Err("cannot read the source `c`: No such file or directory (os error 2)".to_owned()),
            ),
        ] {
            assert_eq!(raw(&folder, &entry).map_err(|invalid| invalid.message), expected, "{entry}");
        }
    }
}
