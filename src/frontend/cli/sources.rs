//! Files named with `-f`, as bytes: the server parses them.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::connect::Session;
use super::error::Failure;
use super::names;
use crate::pb::{AppliedDocument, Source};

/// Reads what was named: files, folders (their `*.yaml`, `*.yml` and `*.json`, sorted, not below), `-` for stdin.
pub fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            let mut content = Vec::new();
            std::io::stdin().lock().read_to_end(&mut content).context("cannot read standard input")?;
            sources.push(Source { file_name: "(stdin)".to_owned(), content });
        } else if path.is_dir() {
            for file in files_of(path)? {
                sources.push(source(&file)?);
            }
        } else {
            sources.push(source(path)?);
        }
    }
    Ok(sources)
}

fn source(path: &Path) -> anyhow::Result<Source> {
    let content = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(Source { file_name: path.display().to_string(), content })
}

fn files_of(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let failed = || format!("cannot read the folder `{}`", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        if path.is_file() && ["yaml", "yml", "json"].contains(&extension) {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(
            Failure::usage(format!("the folder `{}` holds no *.yaml, *.yml or *.json", folder.display())).into()
        );
    }
    files.sort();
    Ok(files)
}

/// A file that names another project or environment than a flag did is refused: one of the two is a mistake.
pub fn agree(session: &Session, documents: &[AppliedDocument]) -> Result<(), Failure> {
    let settings = &session.settings;
    for document in documents {
        let (project, environment, order) = names::scope(&document.name);
        if document.kind == "Project" {
            continue;
        }
        let differs =
            |flag: &Option<String>, said: &str| flag.as_ref().is_some_and(|flag| !said.is_empty() && flag != said);
        let what = if differs(&settings.flag_project, &project) {
            format!("project `{project}`, --project says `{}`", settings.project)
        } else if !order.is_empty() && differs(&settings.flag_environment, &environment) {
            format!("environment `{environment}`, --environment says `{}`", settings.environment)
        } else {
            continue;
        };
        return Err(Failure::usage(format!("{} `{}` names the {what}", document.kind, names::short(&document.name)))
            .with_hint("leave out the flag, or the line in the file"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_read_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b.yaml", "a.yml", "c.json", "d.txt"] {
            std::fs::write(folder.path().join(name), name).expect("writes");
        }
        std::fs::create_dir(folder.path().join("e.yaml")).expect("a folder below");
        let sources = read(&[folder.path().to_owned()]).expect("reads");
        let contents: Vec<&[u8]> = sources.iter().map(|source| source.content.as_ref()).collect();
        assert_eq!(contents, [b"a.yml" as &[u8], b"b.yaml", b"c.json"]);
        assert!(read(&[folder.path().join("e.yaml")]).is_err());
        assert!(read(&[folder.path().join("none.yaml")]).is_err());
    }
}
