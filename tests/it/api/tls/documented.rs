//! The way there as docs/operations.md has it, command by command.

use std::process::Command;

use crate::support::certificates::Pair;

const DOCS: &str = include_str!("../../../../docs/operations.md");

/// The first block of commands in this chapter.
fn commands(chapter: &str) -> &'static str {
    let (_, rest) = DOCS.split_once(&format!("\n## {chapter}\n")).expect("the chapter");
    let (_, rest) = rest.split_once("```sh\n").expect("commands");
    rest.split_once("```").expect("their end").0
}

#[test]
fn the_commands_for_a_certificate_make_one_that_works() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = commands("Listening beyond this machine");
    let output = Command::new("sh").args(["-ec", script]).current_dir(folder.path()).output().expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let file = |name: &str| folder.path().join(name);
    let pair = Pair { certificate: file("chain.pem"), key: file("vend.key") };
    let core = super::serve(&pair, &["--listen", "0.0.0.0:0"]);
    let known = core.run(&["whoami"]);
    assert!(known.status == 0, "{known:?}");

    let (authority, token) = (super::text(&file("authority.pem")), super::text(&core.token_file()));
    let server = format!("https://localhost:{}", core.port);
    let files = ["--ca-file", &authority, "--token-file", &token];
    let set = core
        .run(&[&["context", "set", "work", "--server", &server][..], &files, &["-p", "shop", "-e", "dev"]].concat());
    assert!(set.status == 0, "{set:?}");
    assert_eq!(core.run(&["context", "use", "work"]).status, 0);
    let known = core.run(&["whoami"]);
    assert!(known.status == 0 && known.stdout.contains("shop"), "{known:?}");
}
