//! What a pipeline does, by the names that `transformers` gives it.

use std::fmt;

use hari_error::{Error, Result};

/// What a pipeline does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// A label for each text: `text-classification`, `sentiment-analysis`.
    TextClassification,
    /// A label for each token or word: `token-classification`, `ner`.
    TokenClassification,
    /// The part of a context that answers a question: `question-answering`.
    QuestionAnswering,
    /// Words for `[MASK]`: `fill-mask`.
    FillMask,
    /// The last hidden state of every token: `feature-extraction`.
    FeatureExtraction,
    /// One vector for each text: `sentence-embeddings`.
    SentenceEmbeddings,
    /// How near sentences are to one: `sentence-similarity`.
    SentenceSimilarity,
    /// Which of the labels given with the request: `zero-shot-classification`.
    ZeroShotClassification,
}

impl Task {
    /// Every task.
    pub const ALL: [Self; 8] = [
        Self::TextClassification,
        Self::TokenClassification,
        Self::QuestionAnswering,
        Self::FillMask,
        Self::FeatureExtraction,
        Self::SentenceEmbeddings,
        Self::SentenceSimilarity,
        Self::ZeroShotClassification,
    ];

    /// The name in a deployment's parameter `task`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TextClassification => "text-classification",
            Self::TokenClassification => "token-classification",
            Self::QuestionAnswering => "question-answering",
            Self::FillMask => "fill-mask",
            Self::FeatureExtraction => "feature-extraction",
            Self::SentenceEmbeddings => "sentence-embeddings",
            Self::SentenceSimilarity => "sentence-similarity",
            Self::ZeroShotClassification => "zero-shot-classification",
        }
    }

    /// The task of this name.
    ///
    /// # Errors
    /// `Unimplemented` with those there are.
    pub fn named(name: &str) -> Result<Self> {
        let name = match name.trim() {
            "sentiment-analysis" => "text-classification",
            "ner" => "token-classification",
            "sentence-embedding" => "sentence-embeddings",
            name => name,
        };
        let found = Self::ALL.into_iter().find(|task| task.name() == name);
        found.ok_or_else(|| unserved(&format!("task `{name}`")))
    }

    /// The task that an entry of `architectures` is made for.
    ///
    /// # Errors
    /// `Unimplemented` if there is none, with those there are.
    pub fn of_architecture(name: &str) -> Result<Self> {
        const ENDINGS: [(&str, Task); 5] = [
            ("ForSequenceClassification", Task::TextClassification),
            ("ForTokenClassification", Task::TokenClassification),
            ("ForQuestionAnswering", Task::QuestionAnswering),
            ("ForMaskedLM", Task::FillMask),
            ("Model", Task::FeatureExtraction),
        ];
        let found = ENDINGS.iter().find(|(ending, _)| name.ends_with(ending));
        let found = found.filter(|_| !name.ends_with("LMHeadModel"));
        found
            .map(|&(_, task)| task)
            .ok_or_else(|| unserved(&format!("architecture `{name}`")))
    }

    /// Whether the answer is one vector for each text.
    #[must_use]
    pub const fn embeds(self) -> bool {
        matches!(self, Self::SentenceEmbeddings)
    }
}

fn unserved(what: &str) -> Error {
    let all: Vec<_> = Task::ALL.iter().map(|task| task.name()).collect();
    Error::unimplemented(format!(
        "{what} is not served; served are {}",
        all.join(", ")
    ))
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use hari_error::Kind;

    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for task in Task::ALL {
            assert_eq!(Task::named(task.name()).unwrap(), task);
        }
        assert_eq!(Task::named("ner").unwrap(), Task::TokenClassification);
        assert_eq!(
            Task::named("sentiment-analysis").unwrap(),
            Task::TextClassification
        );
    }

    #[test]
    fn what_is_not_served_is_refused_with_what_is() {
        for error in [
            Task::named("text-generation").unwrap_err(),
            Task::of_architecture("GPT2LMHeadModel").unwrap_err(),
            Task::of_architecture("T5ForConditionalGeneration").unwrap_err(),
        ] {
            assert_eq!(error.kind(), Kind::Unimplemented);
            assert!(error.message().contains("fill-mask"), "{error}");
        }
    }

    #[test]
    fn an_architecture_says_its_task() {
        for (name, task) in [
            ("BertForSequenceClassification", Task::TextClassification),
            (
                "DistilBertForTokenClassification",
                Task::TokenClassification,
            ),
            ("RobertaForQuestionAnswering", Task::QuestionAnswering),
            ("XLMRobertaForMaskedLM", Task::FillMask),
            ("MPNetModel", Task::FeatureExtraction),
        ] {
            assert_eq!(Task::of_architecture(name).unwrap(), task, "{name}");
        }
    }
}
