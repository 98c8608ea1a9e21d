//! A report as people read it: each difference in full where it comes first, by name after that.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use crate::installed::Installed;
use crate::live::{Fate, LiveObject};
use crate::report::{Checked, Note, Report, Weight};

/// The report, but for its last line: see [`Report::summary`].
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = BTreeSet::new();
        for checked in &self.deployments {
            deployment(f, checked, &mut told)?;
        }
        if let Some(installed) = &self.installed {
            around(f, installed, &mut told)?;
        }
        if !self.skipped.is_empty() {
            let kinds = self.skipped.iter();
            let kinds: Vec<String> = kinds
                .map(|(kind, count)| format!("{count} {kind}"))
                .collect();
            writeln!(f, "left out: {}", kinds.join(", "))?;
        }
        Ok(())
    }
}

type Told = BTreeSet<(String, String)>;

fn deployment(f: &mut fmt::Formatter<'_>, checked: &Checked, told: &mut Told) -> fmt::Result {
    write!(f, "{}", checked.name)?;
    if !checked.file.is_empty() {
        write!(f, "  {}", checked.file)?;
        if let Some(line) = checked.line {
            write!(f, ":{line}")?;
        }
    }
    writeln!(f, "  {}", checked.verdict)?;
    for part in &checked.notes {
        note(f, part, told)?;
    }
    objects(f, &checked.objects)?;
    writeln!(f)
}

fn note(f: &mut fmt::Formatter<'_>, note: &Note, told: &mut Told) -> fmt::Result {
    let mut head = format!("  {} {}", mark(note.weight), note.difference);
    if !note.path.is_empty() {
        let _ = write!(head, "  {}", note.path);
    }
    if let Some(line) = note.line {
        let _ = write!(head, " (line {line})");
    }
    if let Some(found) = &note.found {
        let _ = write!(head, ": {found}");
    }
    writeln!(f, "{head}")?;
    // What was told in the same words is not told again.
    if !told.insert((note.difference.to_owned(), note.now.to_string())) {
        return Ok(());
    }
    writeln!(f, "      before: {}", note.before)?;
    writeln!(f, "      now:    {}", note.now)?;
    match &*note.todo {
        "" => Ok(()),
        todo => writeln!(f, "      do:     {todo}"),
    }
}

const fn mark(weight: Weight) -> char {
    match weight {
        Weight::Same | Weight::Harmless => '.',
        Weight::Look => '?',
        Weight::Change => '!',
        Weight::Refused => 'x',
    }
}

fn objects(f: &mut fmt::Formatter<'_>, objects: &[LiveObject]) -> fmt::Result {
    let adopted = objects.iter().filter(|object| object.fate == Fate::Adopted);
    match (objects.len(), adopted.count()) {
        (0, _) => Ok(()),
        (all, adopted) if all == adopted => {
            writeln!(f, "  all {all} objects keep their names and selectors")
        }
        (all, adopted) => {
            writeln!(
                f,
                "  {adopted} of {all} objects keep their names and selectors"
            )
        }
    }
}

fn around(f: &mut fmt::Formatter<'_>, installed: &Installed, told: &mut Told) -> fmt::Result {
    writeln!(f, "Kubernetes {}", installed.kubernetes)?;
    for operator in &installed.operators {
        let arguments = operator.arguments.join(" ");
        writeln!(
            f,
            "  operator {}  {}  {arguments}",
            operator.name, operator.image
        )?;
    }
    let joined = |all: Vec<&str>| match all.is_empty() {
        true => "none".to_owned(),
        false => all.join(", "),
    };
    let groups = installed.groups.iter().map(String::as_str).collect();
    writeln!(f, "  ingresses and autoscalers: {}", joined(groups))?;
    let secrets = installed.secrets.iter().map(String::as_str).collect();
    writeln!(f, "  secrets of downloads: {}", joined(secrets))?;
    if !installed.unseen.is_empty() {
        let unseen = installed.unseen.iter().map(String::as_str).collect();
        writeln!(
            f,
            "  may not be listed, and so not looked at: {}",
            joined(unseen)
        )?;
    }
    for part in &installed.notes {
        note(f, part, told)?;
    }
    writeln!(f)
}
