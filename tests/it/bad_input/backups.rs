//! Backups that must not be written, and what must not be restored.

use std::path::Path;

use vend::store::backup::Manifest;

use super::table::Table;

/// What it is, the backup, where to, the key, and what is said.
type Case<'a> = (&'a str, &'a str, &'a str, Option<&'a str>, &'a [&'a str]);

pub fn rows(table: &mut Table) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (backup, key) = (path("a.backup"), table.core.data().join("sealing.key").display().to_string());
    table.exits("vend backup: done", &["backup", &backup], 0, &["sealing key is not in it", "sealing.key"], true);
    let words = ["is there already", "hint: name another file"];
    table.exits("vend backup: over a file", &["backup", &backup], 1, &words, false);
    let nowhere = path("no/where");
    table.exits("vend backup: no such folder", &["backup", &nowhere], 1, &["cannot make", "no/where"], true);
    let words = ["was never restored", "vend refresh", "(REQUEST_INVALID)"];
    table.exits("vend verify: nothing was restored", &["verify"], 1, &words, false);

    let mut spoiled = Spoiled::of(folder.path(), &backup);
    let (torn, long, other) = (spoiled.torn(), spoiled.long(), spoiled.other());
    let (said, schema, format) = (spoiled.said(), spoiled.schema(), spoiled.format());
    let (full, kept, new) = (path("full"), path("kept"), path("new"));
    std::fs::create_dir(&full).expect("made");
    std::fs::write(path("full/mine"), "kept").expect("written");
    std::fs::create_dir(&kept).expect("made");
    std::fs::copy(&key, path("kept/sealing.key")).expect("copied");
    let wrong = path("wrong.key");
    std::fs::write(&wrong, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n").expect("written");
    set_private(&wrong);
    let cases: [Case<'_>; 11] = [
        ("no such file", &nowhere, &new, Some(&key), &["cannot read", "no/where"]),
        ("no backup", &key, &new, Some(&key), &["is no backup of vend"]),
        ("over something", &backup, &full, Some(&key), &["is not empty", "`mine`", "name a directory that is empty"]),
        ("a key twice", &backup, &kept, Some(&key), &["is not empty", "`sealing.key`"]),
        ("no key", &backup, &new, None, &["there is no sealing key", "--key"]),
        ("another key", &backup, &new, Some(&wrong), &["is not the one of backup", "--key"]),
        ("cut off", &torn, &new, Some(&key), &["is damaged", "bytes of its database are missing", "take another one"]),
        ("something behind it", &long, &new, Some(&key), &["is damaged", "more in it"]),
        ("another database", &other, &new, Some(&key), &["is damaged", "not the one that was written"]),
        ("another manifest", &said, &new, Some(&key), &["is damaged", "what it says of itself"]),
        ("a newer format", &format, &new, Some(&key), &["format 7", "the version of vend that made it"]),
    ];
    for (case, file, data, key, words) in cases {
        let mut arguments = vec!["restore", file, "--data", data];
        arguments.extend(key.iter().flat_map(|key| ["--key", key]));
        table.exits(&format!("vend restore: {case}"), &arguments, 1, words, false);
        assert!(!Path::new(&new).exists(), "{case}: something is left of it");
    }
    let words = ["migrated to 1000", "vend 9.9.9", "that version of vend"];
    let arguments = ["restore", &schema, "--data", &new, "--key", &key];
    table.exits("vend restore: a newer database", &arguments, 1, &words, false);
    let rest: Vec<_> = std::fs::read_dir(folder.path().join("full")).expect("there").collect();
    assert_eq!(rest.len(), 1, "nothing was put beside what was there");
}

fn set_private(path: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
}

/// A backup in other states.
struct Spoiled<'a> {
    folder: &'a Path,
    manifest: Manifest,
    database: Vec<u8>,
}

impl<'a> Spoiled<'a> {
    fn of(folder: &'a Path, backup: &str) -> Self {
        let bytes = std::fs::read(backup).expect("a backup");
        let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
        let (_, manifest) = (lines.next(), lines.next().expect("a manifest"));
        let manifest = serde_json::from_slice(manifest).expect("a manifest");
        Self { folder, manifest, database: lines.next().expect("a database").to_vec() }
    }

    fn file(&self, name: &str, head: &[u8], database: &[u8]) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, [head, database].concat()).expect("written");
        path.display().to_string()
    }

    fn torn(&self) -> String {
        self.file("torn", &self.manifest.head(), &self.database[..self.database.len() / 2])
    }

    fn long(&self) -> String {
        self.file("long", &self.manifest.head(), &[&self.database[..], b"x"].concat())
    }

    fn other(&mut self) -> String {
        let half = self.database.len() / 2;
        self.database[half] ^= 1;
        let path = self.file("other", &self.manifest.head(), &self.database);
        self.database[half] ^= 1;
        path
    }

    fn said(&self) -> String {
        let head =
            String::from_utf8(self.manifest.head()).expect("text").replace("\"incarnation\":1", "\"incarnation\":2");
        self.file("said", head.as_bytes(), &self.database)
    }

    fn schema(&self) -> String {
        let manifest = Manifest { schema: 1_000, vend: "9.9.9".into(), ..self.manifest.clone() };
        self.file("schema", &manifest.head(), &self.database)
    }

    fn format(&self) -> String {
        let head =
            String::from_utf8(self.manifest.head()).expect("text").replacen("vend-backup 1 ", "vend-backup 7 ", 1);
        self.file("format", head.as_bytes(), &self.database)
    }
}
