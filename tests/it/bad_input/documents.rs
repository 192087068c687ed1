//! Documents that cannot be read, or do not go together.

use tonic::Code::{FailedPrecondition, InvalidArgument};

use super::stock::recipe;
use super::table::Table;

pub async fn rows(table: &mut Table) {
    unreadable(table).await;
    ill_fitting(table).await;
}

async fn unreadable(table: &mut Table) {
    let project = |rest: &str| format!("apiVersion: vend/v1\nkind: Project\nname: shop\n{rest}");
    let twice = format!("{}---\n{}", project("title: a\n"), project("title: b\n"));
    let order = "apiVersion: vend/v1\nkind: Order\nname: twin\nproject: default\nenvironment: dev\nresources: {}\n";
    let rule = |rule: &str| {
        let rule = rule.replace('"', "\\\"");
        recipe("r", "probe", "", "probe", "{ server: files }")
            + &format!("params: {{ constraints: [{{ rule: \"{rule}\", message: no }}] }}\n")
    };
    let handle = format!("vsec_{}", "0".repeat(52));
    let cases: Vec<(&str, String, &[&str])> = vec![
        ("document: no YAML", project("title: [a\n"), &["test.yaml:5:1", "not valid YAML"]),
        ("document: unknown key", project("titel: Shop\n"), &["test.yaml:4:1", "`titel`", "did you mean `title`?"]),
        ("document: a key twice", project("name: shop\n"), &["test.yaml:4:1", "stands twice", "first on line 3"]),
        ("document: an anchor", project("title: &a Shop\n"), &["test.yaml:4:8", "anchors (`&name`) are not read"]),
        (
            "document: another apiVersion",
            project("").replace("vend/v1", "v2"),
            &["test.yaml:1:13", "write `apiVersion: vend/v1`"],
        ),
        (
            "document: no kind of ours",
            project("").replace("Project", "Projekt"),
            &["test.yaml:2:7", "did you mean `Project`?"],
        ),
        (
            "document: a bad name",
            project("").replace("shop", "My_Shop"),
            &["test.yaml:3:7", "1 to 63 of a-z, 0-9 and -"],
        ),
        (
            "document: three problems at once",
            project("titel: a\nlabels: { n: 7 }\nowners: [anna]\n"),
            &["test.yaml:4:1", "test.yaml:5:14", "test.yaml:6:10"],
        ),
        ("document: two of one name", twice, &["test.yaml:8:1", "project `shop` stands twice: first at test.yaml:3"]),
        (
            "document: two orders of one name",
            format!("{order}---\n{order}"),
            &["test.yaml:10:1", "order `twin` stands twice: first at test.yaml:3"],
        ),
        (
            "recipe: a rule that is none",
            rule("params.name <"),
            &["test.yaml:8:33", "it is no CEL expression", "column"],
        ),
        (
            "recipe: a rule with an unknown variable",
            rule("param.name != ''"),
            &["test.yaml:8:33", "`param` is not known to rules", "`params` and `context`"],
        ),
        (
            "recipe: a rule about a member with a dash",
            rule("params.size-gb < 5"),
            &["test.yaml:8:33", "params[\"size-gb\"]"],
        ),
        (
            "recipe: a rule that nests without end",
            rule(&"(".repeat(500)),
            &["test.yaml:8:33", "it is no CEL expression"],
        ),
        (
            "recipe: a config with half a placeholder",
            recipe("r", "probe", "", "probe", "{ server: files }") + "config: { a: \"x${connections\" }\n",
            &["test.yaml:8:14", "has no end", "$${"],
        ),
        (
            "recipe: matches what is no resource",
            recipe("r", "probe", "{ resource: a/b/ }", "probe", "{ server: files }"),
            &["test.yaml:5:21", "write `ORDER/NAME`"],
        ),
        (
            "connection: facts that are none",
            "apiVersion: vend/v1\nkind: Connection\nname: f\ntype: sqlite\nendpoint: x\nfacts: { a: [1], b: { c: null } }\n".into(),
            &["test.yaml:6:13", "cannot be a list", "test.yaml:6:26", "cannot be null"],
        ),
        (
            "document: a secret's handle in it",
            project(&format!("title: {handle}\n")),
            &["test.yaml:4:8", "secret handle"],
        ),
    ];
    for (case, text, words) in cases {
        table.refuses_documents(case, InvalidArgument, "DOCUMENT_INVALID", words, &text).await;
    }
}

async fn ill_fitting(table: &mut Table) {
    let here = "{ environment-type: development }";
    let elsewhere = "{ environment-type: production }";
    let files = "{ server: files }";
    let connection = "apiVersion: vend/v1\nkind: Connection\nname: new\ntype: postgres\nendpoint: postgres://127.0.0.1:1\n\
        credential: { username: u, password: { secret: never-set } }\nread-credential: same\n";
    let environment = "apiVersion: vend/v1\nkind: Environment\nname: dev\nproject: nowhere\ntype: development\n";
    let cases: Vec<(&str, &str, String, &[&str])> = vec![
        (
            "connection: its secret is not set",
            "UNRESOLVED_REFERENCE",
            connection.into(),
            &["`never-set`", "vend secret set never-set"],
        ),
        ("environment: of no project", "UNRESOLVED_REFERENCE", environment.into(), &["`nowhere`", "does not exist"]),
        (
            "recipe: of an unknown type",
            "UNRESOLVED_REFERENCE",
            recipe("r", "nonesuch", elsewhere, "probe@^0.1", files),
            &["`nonesuch`"],
        ),
        (
            "recipe: of an unknown driver",
            "UNRESOLVED_REFERENCE",
            recipe("r", "probe", elsewhere, "nonesuch@^1", files),
            &["no driver `nonesuch`", "vend driver install"],
        ),
        (
            "recipe: of a version not installed",
            "UNRESOLVED_REFERENCE",
            recipe("r", "probe", elsewhere, "probe@^9", files),
            &["^9", "installed are 0.1.0"],
        ),
        (
            "recipe: of an unknown connection",
            "UNRESOLVED_REFERENCE",
            recipe("r", "probe", elsewhere, "probe@^0.1", "{ server: fils }"),
            &["`fils`"],
        ),
        (
            "recipe: its driver makes something else",
            "RECIPE_UNFIT",
            recipe("r", "dream", here, "probe@^0.1", files),
            &["does not make `dream`", "`probe`"],
        ),
        (
            "recipe: a slot without connection",
            "RECIPE_UNFIT",
            recipe("r", "probe", elsewhere, "probe@^0.1", "{}"),
            &["the slot `server`", "bind one of type"],
        ),
        (
            "recipe: a slot that is none",
            "RECIPE_UNFIT",
            recipe("r", "probe", elsewhere, "probe@^0.1", "{ server: files, sever: files }"),
            &["no slot `sever`", "did you mean `server`?"],
        ),
        (
            "recipe: a connection of another type",
            "RECIPE_UNFIT",
            recipe("r", "sqlite-database", elsewhere, "sqlite@^0.1", "{ server: pg }"),
            &["`postgres`", "`sqlite`"],
        ),
        (
            "recipe: for an unknown class",
            "RECIPE_UNFIT",
            recipe("r", "probe", "{ class: powerfull }", "probe@^0.1", files),
            &["no class `powerfull`", "did you mean `powerful`?"],
        ),
        (
            "recipe: a fact that its connection has not",
            "RECIPE_UNFIT",
            recipe("r", "sqlite-database", elsewhere, "sqlite@^0.1", files)
                + "config: { directory: \"${connections.server.facts.directory}\" }\n",
            &["/config/directory", "no fact `directory`"],
        ),
        (
            "recipe: a rule about a param that there is not",
            "RECIPE_UNFIT",
            recipe("r", "sqlite-database", elsewhere, "sqlite@^0.1", files)
                + "params: { constraints: [{ rule: \"params.nam != ''\", message: no }] }\n",
            &["/params/constraints/0/rule", "has no param `nam`", "did you mean `name`?"],
        ),
        (
            "recipe: tied with another one",
            "AMBIGUOUS_RECIPE",
            recipe("again", "probe", here, "probe@^0.1", files),
            &["`again`", "`probe-files`"],
        ),
    ];
    for (case, reason, text, words) in cases {
        table.refuses_documents(case, FailedPrecondition, reason, words, &text).await;
    }
}
