//! Score files as developers have them: forty public ones looked at without a core, and one ordered, rendered and given back.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::core::{Core, demo_platform};

const WORKLOAD: &str = "apiVersion: score.dev/v1b1
metadata:
  name: notebook
containers:
  main:
    image: .
    variables:
      DATABASE: ${resources.notes.name}
      PASSWORD: ${resources.vault.password}
      NOTES_ID: ${resources.notes}
      PRICE: 5 $$
    files:
      /etc/app.conf:
        mode: \"0600\"
        content: |
          password=${resources.vault.password}
      /etc/motd:
        source: motd.txt
resources:
  notes:
    type: sqlite-database
    params:
      name: ${metadata.name}
  vault:
    type: probe
    params:
      name: ${resources.notes.name}-vault
      after-create: [generate]
";

#[test]
fn forty_public_files_are_looked_at_without_a_core() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/score");
    let mut command = Command::new(env!("CARGO_BIN_EXE_vend"));
    let ran = command.args(["score", "check", "--offline", "."]).current_dir(&folder).output().expect("it runs");
    let expected = std::fs::read_to_string(folder.join("check.txt")).expect("the table");
    assert_eq!(String::from_utf8_lossy(&ran.stdout), expected);
    let ordered = expected.lines().filter(|line| line.contains(": can be ordered: ")).count();
    let refused = expected.lines().filter(|line| line.contains(": cannot be ordered: ")).count();
    assert_eq!((ordered, refused, ran.status.code()), (39, 1, Some(1)));
}

#[test]
fn a_workload_is_ordered_rendered_and_given_back() {
    let core = Core::start(&["sqlite", "probe"]);
    core.apply(&demo_platform("sqlite"));
    core.apply(&demo_platform("probe"));
    std::fs::write(core.folder().join("motd.txt"), "This is ${metadata.name}\n").expect("written");
    let file = core.file("score.yaml", WORKLOAD);

    let said = core.try_run(&["score", "render", &file]);
    assert!(said.status == 1 && said.stderr.contains("vend score apply"), "{said:?}");
    let checked = core.run(&["score", "check", &file]);
    assert!(checked.ends_with("can be ordered: order/notebook, notes (sqlite-database), vault (probe)\n"), "{checked}");
    assert!(core.run(&["score", "plan", &file]).contains("create"));
    core.run(&["score", "apply", &file, "--wait", "--timeout", "2m"]);
    assert!(core.run(&["score", "plan", &file]).contains("nothing to do"));

    let masked = core.try_run(&["score", "render", &file]);
    assert!(masked.stdout.contains("PASSWORD='[secret]'\n") && masked.stderr.contains("--reveal"), "{masked:?}");
    let password =
        core.json(&["outputs", "notebook/vault", "--reveal"])["password"].as_str().expect("a text").to_owned();
    let id = core.json(&["get", "resource", "notebook/notes"])["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        core.run(&["score", "render", &file, "--reveal"]),
        format!("DATABASE=notebook\nNOTES_ID={id}\nPASSWORD={password}\nPRICE='5 $'\n")
    );
    let main = core.json(&["score", "render", &file, "--reveal"])["main"].clone();
    assert_eq!(
        main["files"],
        serde_json::json!([{"target": "/etc/app.conf", "mode": "0600", "content": format!("password={password}\n")},
            {"target": "/etc/motd", "content": "This is notebook\n"}])
    );
    let secrets = core.run(&["score", "render", &file, "--reveal", "-o", "k8s-secret"]);
    assert!(
        secrets.contains("name: notebook.main\n") && secrets.contains(&format!("PASSWORD: {password}")),
        "{secrets}"
    );

    let less = core.file("less.yaml", WORKLOAD.split("  vault:").next().expect("it begins"));
    let less = std::fs::read_to_string(less).expect("read").replace("${resources.vault.password}", "gone");
    let less = core.file("less.yaml", &less);
    let refused = core.try_run(&["score", "apply", &less]);
    assert!(refused.status == 3 && refused.stderr.contains("(PLAN_REQUIRED)"), "{refused:?}");
    core.run(&["score", "apply", &less, "--allow-destroy", "--wait", "--timeout", "2m"]);
    core.delete("notebook");
}

/// Each in an environment of its own: several have one name.
#[test]
fn public_files_are_ordered_and_rendered() {
    let core = Core::start(&["probe"]);
    core.apply(&demo_platform("probe"));
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/score");
    core.run(&["apply", "-f", &data.join("contracts").display().to_string()]);
    let folder = core.folder().join("public");
    std::fs::create_dir(&folder).expect("a folder");
    for source in ["fileA.txt", "file.txt"] {
        std::fs::write(folder.join(source), "I am ${metadata.name}!").expect("written");
    }
    let mut names: Vec<String> = std::fs::read_dir(&data)
        .expect("a folder")
        .filter_map(|entry| entry.expect("an entry").file_name().to_str().map(str::to_owned))
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    names.sort();
    let environment = |number: usize| {
        format!("apiVersion: vend/v1\nkind: Environment\nproject: default\nname: f{number}\ntype: development\n")
    };
    core.apply(&(0..names.len()).map(environment).collect::<Vec<_>>().join("---\n"));

    let mut told = String::new();
    for (number, name) in names.iter().enumerate() {
        let text = std::fs::read_to_string(data.join(name)).expect("read");
        std::fs::write(folder.join(name), text).expect("written");
        let (file, environment) = (folder.join(name).display().to_string(), format!("f{number}"));
        let score = |verb: &[&str]| core.try_run(&[&["score"], verb, &[&file, "-e", &environment]].concat());
        if score(&["check"]).status != 0 {
            told.push_str(&format!("{name} is refused\n"));
            continue;
        }
        let applied = score(&["apply", "--wait", "--timeout", "2m"]);
        assert_eq!(applied.status, 0, "{name}: {applied:?}");
        let planned = score(&["plan"]);
        assert!(planned.stdout.ends_with("nothing to do\n"), "{name}: {planned:?}");
        let rendered = score(&["render", "--reveal", "-o", "json"]);
        assert_eq!(rendered.status, 0, "{name}: {rendered:?}");
        let values: Value = serde_json::from_str(&rendered.stdout).expect("JSON");
        told.push_str(&format!("{name} {values}\n"));
    }
    // What is generated differs from run to run.
    let told = words(&told).map(|word| if is_generated(word) { "GENERATED" } else { word }).collect::<String>();
    assert_eq!(told, std::fs::read_to_string(data.join("rendered.txt")).expect("the table"));
}

/// Runs of letters and digits, and what is between them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let inside = rest.chars().next()?.is_ascii_alphanumeric();
        let end = rest.find(|letter: char| letter.is_ascii_alphanumeric() != inside).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

fn is_generated(word: &str) -> bool {
    word.len() == 32 && word.chars().all(|letter| letter.is_ascii_alphanumeric())
}

#[test]
fn what_the_core_refuses_is_told_where_the_score_file_has_it() {
    let core = Core::start(&["sqlite"]);
    core.apply(&demo_platform("sqlite"));
    let workload = WORKLOAD.split("  vault:").next().expect("it begins").replace("${resources.vault.password}", "none");
    let unknown = core.file("unknown.yaml", &workload.replace("type: sqlite-database", "type: sqlite-databas"));
    let checked = core.try_run(&["score", "check", &unknown]);
    let line = "unknown.yaml:21:11: resource `notes`: the type `sqlite-databas` cannot be ordered here: did you mean `sqlite-database`?";
    assert!(checked.status == 1 && checked.stdout.contains(line), "{checked:?}");
    let wrong = core.file("wrong.yaml", &workload.replace("      name: ${metadata.name}\n", "      nam: x\n"));
    for verb in ["apply", "plan"] {
        let refused = core.try_run(&["score", verb, &wrong]);
        assert!(refused.status == 1 && refused.stderr.contains("(PARAMS_INVALID)"), "{refused:?}");
        assert!(refused.stderr.contains("wrong.yaml:23:7: "), "{refused:?}");
    }
    let offline = core.try_run(&["score", "check", &wrong, "--server", "http://127.0.0.1:1", "-o", "json"]);
    assert!(offline.status == 0 && offline.stdout.contains("\"catalog-asked\": false"), "{offline:?}");
    assert!(offline.stderr.contains("cannot be reached"), "{offline:?}");
}
