//! `cargo xtask docs`: links lead somewhere, and the commands of the book do what it says.
//!
//! Code blocks of a page say in their first line what becomes of them:
//!
//! | Block | What is done |
//! |---|---|
//! | `sh,run` | run to its end in the page's own folder, which holds the examples; has to succeed |
//! | `sh,fails` | the same; has to fail |
//! | `sh,serve` | started, and left running until the next one or the end of the page |
//! | `yaml,file=NAME` | written to a file |
//! | `text,expect`, `json,expect` | compared with what the last command printed; `...` stands for anything |
//!
//! Servers get free ports: `127.0.0.1:8000`, `:5001` and `:6000` of the text are replaced by what
//! they got.

#![expect(clippy::print_stdout, reason = "what was tried, and how it went")]

mod blocks;
mod expect;
mod links;
mod session;

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::workspace;
use session::Session;

/// Arguments of `cargo xtask docs`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Check the links only, run nothing
    #[arg(long)]
    links: bool,
    /// Pages to run: those whose name holds one of these words; all when left out
    pages: Vec<String>,
}

/// Runs the task.
pub(crate) fn run(args: &Args) -> Result<()> {
    let broken = links::check(workspace::root())?;
    for line in &broken {
        println!("{line}");
    }
    report(
        "links",
        usize::from(broken.is_empty()),
        usize::from(!broken.is_empty()),
    );
    if !args.links {
        let (passed, failed) = run_pages(&args.pages)?;
        report("pages", passed, failed);
        ensure!(
            failed == 0,
            "{failed} commands of the book do not do what it says"
        );
    }
    ensure!(broken.is_empty(), "{} links lead nowhere", broken.len());
    Ok(())
}

/// In cargo's own words, so that they are counted with the others.
fn report(what: &str, passed: usize, failed: usize) {
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("{what}\ntest result: {word}. {passed} passed; {failed} failed");
}

/// Runs the blocks of every page that has any.
fn run_pages(wanted: &[String]) -> Result<(usize, usize)> {
    workspace::cargo(["build", "--quiet", "--package", "hari"])?;
    let (mut passed, mut failed) = (0, 0);
    for page in links::pages(&workspace::root().join("docs/src"))? {
        let name = page
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&page).with_context(|| format!("reading {name}"))?;
        let blocks = blocks::of(&text).with_context(|| format!("in {}", page.display()))?;
        if blocks.is_empty()
            || !(wanted.is_empty() || wanted.iter().any(|word| name.contains(word)))
        {
            continue;
        }
        let mut session = Session::start(&name)?;
        for block in &blocks {
            match session.play(block) {
                Ok(()) => passed += 1,
                Err(error) => {
                    failed += 1;
                    println!("{name}, line {}: {error:#}", block.line);
                    // What follows builds on what failed.
                    break;
                }
            }
        }
        session.end()?;
    }
    Ok((passed, failed))
}
