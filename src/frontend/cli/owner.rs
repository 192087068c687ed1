//! Where an order is applied from: what was typed, else what the file says by where it lies.

use std::path::Path;

#[derive(Debug, Clone, Default, clap::Args)]
pub struct OwnerFlags {
    /// Where the order is kept [env: VEND_SOURCE]; by default the git remote and the path in it, else the file
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// Take the order over from the source it was applied from before
    #[arg(long)]
    take_over: bool,
}

/// As the core is told. An empty source is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owner {
    pub source: String,
    pub take_over: bool,
}

impl OwnerFlags {
    fn said(&self) -> Option<String> {
        self.source.clone().or_else(|| std::env::var("VEND_SOURCE").ok().filter(|it| !it.is_empty()))
    }

    pub fn or(&self, source: &str) -> Owner {
        Owner { source: self.said().unwrap_or_else(|| source.to_owned()), take_over: self.take_over }
    }

    /// What comes through standard input says nothing of where it was.
    pub fn of_file(&self, file: &str) -> Owner {
        let path = Path::new(file);
        let found = match (self.said(), path.is_file()) {
            (None, true) => of_path(path),
            _ => String::new(),
        };
        self.or(&found)
    }
}

/// `REMOTE//PATH` of a file in a work tree of git whose remote `origin` is known, else the absolute path.
fn of_path(path: &Path) -> String {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let tree = path.ancestors().skip(1).find(|folder| folder.join(".git").exists());
    let within = tree.and_then(|tree| Some((remote(&tree.join(".git"))?, path.strip_prefix(tree).ok()?)));
    match within {
        Some((remote, inside)) => format!("{remote}//{}", inside.display()),
        None => path.display().to_string(),
    }
}

/// The address of the remote `origin`, without credentials.
fn remote(git: &Path) -> Option<String> {
    let config = if git.is_file() { shared(git)?.join("config") } else { git.join("config") };
    let text = std::fs::read_to_string(config).ok()?;
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line.replace(' ', "") == "[remote\"origin\"]";
        } else if let (true, Some(("url", url))) = (inside, line.split_once('=').map(|(name, url)| (name.trim(), url)))
        {
            return Some(bare(url.trim()));
        }
    }
    None
}

/// Of a work tree beside its repository, `.git` is a file that says where that is; the configuration is one for all of them.
fn shared(git: &Path) -> Option<std::path::PathBuf> {
    let text = std::fs::read_to_string(git).ok()?;
    let folder = git.parent()?.join(text.trim().strip_prefix("gitdir:")?.trim());
    match std::fs::read_to_string(folder.join("commondir")) {
        Ok(common) => Some(folder.join(common.trim())),
        Err(_) => Some(folder),
    }
}

fn bare(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.split('/').next().unwrap_or_default();
            let start = host.rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[start..])
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_its_remote_or_by_where_it_lies() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a path");
        std::fs::create_dir_all(root.join("orders")).expect("a folder");
        let file = root.join("orders/checkout.yaml");
        std::fs::write(&file, "").expect("writes");
        let flags = OwnerFlags::default();
        let text = file.display().to_string();
        assert_eq!(flags.of_file(&text).source, text);
        std::fs::create_dir(root.join(".git")).expect("a folder");
        assert_eq!(flags.of_file(&text).source, text, "a tree without a remote");
        let config =
            "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = https://me:secret@git.example.com/shop.git\n";
        std::fs::write(root.join(".git/config"), config).expect("writes");
        assert_eq!(flags.of_file(&text).source, "https://git.example.com/shop.git//orders/checkout.yaml");
        assert_eq!(flags.of_file("(stdin)").source, "");
        let typed = OwnerFlags { source: Some("here".into()), take_over: true };
        assert_eq!(typed.of_file(&text), Owner { source: "here".into(), take_over: true });
        assert_eq!((flags.or("cli").source.as_str(), typed.or("cli").source.as_str()), ("cli", "here"));
    }

    #[test]
    fn a_work_tree_beside_its_repository_has_the_same_remote() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a path");
        let (tree, git) = (root.join("tree"), root.join("main/.git"));
        std::fs::create_dir_all(git.join("worktrees/tree")).expect("a folder");
        std::fs::create_dir(&tree).expect("a folder");
        std::fs::write(git.join("config"), "[remote \"origin\"]\nurl = git@host:shop.git\n").expect("writes");
        std::fs::write(git.join("worktrees/tree/commondir"), "../..\n").expect("writes");
        std::fs::write(tree.join(".git"), format!("gitdir: {}\n", git.join("worktrees/tree").display()))
            .expect("writes");
        std::fs::write(tree.join("a.yaml"), "").expect("writes");
        assert_eq!(of_path(&tree.join("a.yaml")), "git@host:shop.git//a.yaml");
    }
}
