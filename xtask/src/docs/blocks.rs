//! The code blocks of a page that something is done with.

use anyhow::{Result, bail};

/// A code block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Line of its first fence, from 1.
    pub(super) line: usize,
    pub(super) action: Action,
    pub(super) text: String,
}

/// What is done with a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Run; has to succeed.
    Run,
    /// Run; has to fail.
    Fails,
    /// Started and left running.
    Serve,
    /// Written to a file.
    File(String),
    /// Compared with what the last command printed.
    Expect,
}

/// The blocks of `page` that something is done with.
///
/// # Errors
/// If a block has an unknown mark, or no end.
pub(super) fn of(page: &str) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let mut plain = false;
    for (at, line) in page.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (fence, open.take()) {
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
            (Some(_), None) if plain => plain = false,
            (Some(info), None) => match action(info) {
                Ok(Some(action)) => {
                    let text = String::new();
                    open = Some(Block {
                        line: at + 1,
                        action,
                        text,
                    });
                }
                Ok(None) => plain = true,
                Err(mark) => bail!("line {}: no block is marked `{mark}`", at + 1),
            },
            (None, None) => {}
        }
    }
    if let Some(block) = open {
        bail!("line {}: the block has no end", block.line);
    }
    Ok(blocks)
}

/// What the info string of a block asks for; the unknown mark if there is one.
fn action(info: &str) -> Result<Option<Action>, String> {
    let Some((_, mark)) = info.trim().split_once(',') else {
        return Ok(None);
    };
    match mark.split_once('=').unwrap_or((mark, "")) {
        ("run", "") => Ok(Some(Action::Run)),
        ("fails", "") => Ok(Some(Action::Fails)),
        ("serve", "") => Ok(Some(Action::Serve)),
        ("expect", "") => Ok(Some(Action::Expect)),
        ("file", name) if is_plain(name) => Ok(Some(Action::File(name.to_owned()))),
        _ => Err(mark.to_owned()),
    }
}

/// Whether a file of this name stays in the folder.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains('/') && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_blocks_are_found_with_their_lines() {
        let page =
            "# T\n```sh,run\na\nb\n```\n```sh\nnot me\n```\n```yaml,file=x.yaml\nk: v\n```\n";
        let blocks = of(page).unwrap();
        let run = Block {
            line: 2,
            action: Action::Run,
            text: "a\nb\n".to_owned(),
        };
        let file = Action::File("x.yaml".to_owned());
        assert_eq!(
            blocks,
            [
                run,
                Block {
                    line: 9,
                    action: file,
                    text: "k: v\n".to_owned()
                }
            ]
        );
    }

    #[test]
    fn a_plain_block_may_hold_anything() {
        assert!(of("```text\nsh,run\n```\n").unwrap().is_empty());
        assert_eq!(of("```\nx\n```\n```sh,serve\ny\n```\n").unwrap()[0].line, 4);
    }

    #[test]
    fn slips_are_found() {
        assert!(
            of("```sh,runn\n```\n")
                .unwrap_err()
                .to_string()
                .contains("`runn`")
        );
        assert!(of("```yaml,file=../x\n```\n").is_err());
        assert!(
            of("```sh,run\nno end\n")
                .unwrap_err()
                .to_string()
                .contains("no end")
        );
    }
}
