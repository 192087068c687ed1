//! As with a file: counted in the log of the server, and in its table.

use crate::proof::core::Core;
use crate::proof::linkage::{PLATFORM, assert_denied, order, recipe};

use super::server::{READER, WRITER, ask, executed, platform, server};

#[test]
fn a_server_is_asked_to_write_by_create_and_not_by_plan() {
    ask(server(), "CREATE TABLE linkage (at INT); GRANT ALL ON linkage TO vend, vend_ro");
    let core = Core::start(&["probe"]);
    core.secret("pg-admin", WRITER);
    core.secret("pg-ro", READER);
    let example = platform(server().port);
    core.apply(example.split("\n---\n").find(|it| it.contains("kind: Connection")).expect("a connection"));
    core.apply(&(PLATFORM.to_owned() + &recipe("pg-dev")));
    const ACT: &str = "{ transact: ['INSERT INTO public.linkage VALUES (1)'] }";
    let rows = || ask(server(), "SELECT count(*) FROM linkage");
    let sent = || executed("INSERT INTO public.linkage");
    assert_denied(&core, ACT);
    let file = core.file("forgiven.yaml", &order("bare: true, forgiving: true,", ACT));
    core.run(&["plan", "-f", &file]);
    assert_eq!((rows(), sent()), ("0".into(), 0));
    // Applying plans once more.
    core.run(&["apply", "-f", &file, "--wait"]);
    assert_eq!((rows(), sent()), ("1".into(), 1));
}
