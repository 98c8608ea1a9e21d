//! `migration.md`: what differs for those who come from Seldon Core v1.

use hari_migrate::{Difference, TABLE, Where};

use crate::table::{code, heading, table};

/// Every difference of the table that `hari migrate --check` works with.
pub(crate) fn page() -> String {
    let introduction = "What `hari migrate --check` looks for, and what holds for every deployment. \
                        *Weight* is what it means for a deployment: **harmless** asks nothing of \
                        you, **look** depends on what no file says, **change** wants the file or the \
                        installation changed, and **refused** cannot be served as it is. All that \
                        differs for clients is in [compatibility](../internals/compatibility.md).";
    let mut text = heading(
        "Differences from Seldon Core v1",
        "`control-plane/migrate`",
        introduction,
    );
    for (title, place) in [
        ("For every deployment", Where::Everywhere),
        ("For some", Where::Some),
        ("In a cluster", Where::Cluster),
    ] {
        text.push_str(&format!("\n## {title}\n"));
        let rows = TABLE.iter().filter(|row| row.place == place).map(row);
        text.push_str(&table(
            ["Difference", "Weight", "With", "Before", "Now", "To do"],
            rows,
        ));
    }
    text
}

fn row(difference: &Difference) -> [String; 6] {
    [
        code(difference.name),
        format!("{:?}", difference.weight).to_lowercase(),
        difference.sign.to_owned(),
        difference.before.to_owned(),
        difference.now.to_owned(),
        difference.todo.to_owned(),
    ]
}
