//! `vend driver new`: a project with a driver that works, the SDK and the contract beside it. Fetches nothing.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use include_dir::{Dir, File, include_dir};

use super::name;

static TEMPLATE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/plugins/template");
static SDK_SOURCES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/plugins/sdk/src");
static CONTRACT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/wit");

/// Text files that stand alone, by where they go.
const SINGLE: [(&str, &str); 4] = [
    ("vendor/sdk/Cargo.toml", include_str!("../../plugins/sdk/Cargo.toml")),
    ("vendor/sdk/README.md", include_str!("../../plugins/sdk/README.md")),
    // The versions that vend's own drivers are built with; cargo leaves out what this one does not need.
    ("Cargo.lock", include_str!("../../plugins/Cargo.lock")),
    (".gitignore", "/target\n"),
];

/// What stands for the name in the template.
const PLACEHOLDER: &str = "{{name}}";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the driver and of the resource type it begins with: a-z, 0-9 and -
    name: String,
    /// Directory to make it in
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

pub fn run(args: &Args) -> Result<()> {
    let project = make(&args.name, &args.dir)?;
    println!("made {}", project.display());
    println!();
    println!("  cd {}", project.display());
    println!("  vend driver build        # target/wasm32-wasip2/release/{}.wasm", args.name.replace('-', "_"));
    println!("  $EDITOR src/lib.rs       # a SQLite database with a table of notes: a place to begin");
    println!();
    println!("README.md says how to order one, vendor/sdk/README.md how drivers are written.");
    Ok(())
}

/// Writes the project to `parent/name` and answers with where that is.
fn make(name: &str, parent: &Path) -> Result<PathBuf> {
    name::check(name)?;
    let project = parent.join(name);
    refuse_occupied(&project)?;
    for file in files(&TEMPLATE) {
        write(&project.join(file.path()), &text(file)?.replace(PLACEHOLDER, name))?;
    }
    for file in files(&SDK_SOURCES) {
        write(&project.join("vendor/sdk/src").join(file.path()), text(file)?)?;
    }
    for file in files(&CONTRACT).filter(|file| file.path().extension().is_some_and(|extension| extension == "wit")) {
        write(&project.join("wit").join(file.path()), text(file)?)?;
    }
    for (path, content) in SINGLE {
        write(&project.join(path), content)?;
    }
    Ok(project)
}

fn refuse_occupied(project: &Path) -> Result<()> {
    match fs::read_dir(project) {
        Ok(entries) => match entries.count() {
            0 => Ok(()),
            _ => bail!("`{}` exists and is not empty", project.display()),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot use `{}`", project.display())),
    }
}

/// All files below a directory, depth first.
fn files<'a>(dir: &'a Dir<'a>) -> Box<dyn Iterator<Item = &'a File<'a>> + 'a> {
    Box::new(dir.files().chain(dir.dirs().flat_map(files)))
}

fn text<'a>(file: &'a File<'a>) -> Result<&'a str> {
    file.contents_utf8().with_context(|| format!("the built-in file `{}` is no text", file.path().display()))
}

fn write(path: &Path, content: &str) -> Result<()> {
    let write = || {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)
    };
    write().with_context(|| format!("cannot write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_has_all_it_needs_and_its_own_name() {
        let parent = tempfile::tempdir().expect("a temporary directory");
        let project = make("dns-record", parent.path()).expect("the project is made");
        for file in
            ["src/lib.rs", "README.md", "vendor/sdk/src/lib.rs", "wit/driver.wit", "wit/types.wit", "Cargo.lock"]
        {
            assert!(project.join(file).is_file(), "{file}");
        }
        let read = |file: &str| fs::read_to_string(project.join(file)).expect("it was written");
        assert!(read("Cargo.toml").contains("name = \"dns-record\""));
        assert!(read("src/lib.rs").contains("const NAME: &'static str = \"dns-record\""));
        for file in ["Cargo.toml", "src/lib.rs", "README.md"] {
            assert!(!read(file).contains(PLACEHOLDER), "{file}");
        }
    }

    #[test]
    fn what_is_there_stays_untouched() {
        let parent = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(parent.path().join("notes")).expect("a directory is made");
        make("notes", parent.path()).expect("an empty directory is fine");
        let again = make("notes", parent.path()).expect_err("it is not empty any more");
        assert!(again.to_string().contains("is not empty"), "{again}");
        make("No Name", parent.path()).expect_err("names have rules");
    }
}
