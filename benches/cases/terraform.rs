//! Terraform beside it, where it is installed: as many resources of its own built-in type, which reach no backend.

use std::process::Command;
use std::time::Instant;

use crate::core::Core;
use crate::customer::large;
use crate::figure::Figure;
use crate::ground::Ground;
use crate::shelf::Shelf;

pub fn run(ground: &Ground) -> Vec<Figure> {
    if !Command::new("terraform").arg("version").output().is_ok_and(|it| it.status.success()) {
        eprintln!("  not run: terraform is not installed");
        return Vec::new();
    }
    let things = ground.pick(1_000, 200);
    let folder = tempfile::Builder::new().prefix("terraform-").tempdir_in(ground.folder()).expect("a folder");
    let thing = |number: usize| format!("resource \"terraform_data\" \"t{number}\" {{ input = \"{number}\" }}\n");
    std::fs::write(folder.path().join("main.tf"), (0..things).map(thing).collect::<String>()).expect("written");
    let run = |arguments: &[&str]| {
        let begun = Instant::now();
        let ran = Command::new("terraform").args(arguments).current_dir(folder.path()).output().expect("it runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        begun.elapsed().as_secs_f64()
    };
    run(&["init", "-no-color"]);
    let theirs = run(&["apply", "-auto-approve", "-no-color"]);
    let theirs_plan = run(&["plan", "-no-color"]);

    let shelf = Shelf::start();
    let (_core, customer) = Core::stocked(ground, &shelf);
    let (ours, ours_plan) = ground.runtime.block_on(async {
        let document = large("beside", things);
        let begun = Instant::now();
        let operation = customer.order(&document).await;
        customer.ready(&operation).await;
        let ours = begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        assert_eq!(customer.plan(&document).await, 0);
        (ours, begun.elapsed().as_secs_f64())
    });
    vec![
        Figure::new(
            format!("terraform apply of {things} terraform_data, against an order of {things}"),
            theirs / ours,
            "×",
        ),
        Figure::new("  terraform", theirs, "s"),
        Figure::new("  vend, with two reads and one write each", ours, "s"),
        Figure::new("  terraform plan with nothing to do, against vend's", theirs_plan / ours_plan, "×"),
    ]
}
