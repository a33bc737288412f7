//! What a free text speaks of: words and simple rules. The tagger sits behind a trait, so that a better one can take
//! its place.

use std::{collections::BTreeMap, fmt::Debug};

use serde::Deserialize;

/// The tag of a text that shows anger: it makes an answer low.
pub const ANGRY: &str = "angry";

/// Finds out what a text speaks of.
pub trait Tagger: Debug + Send + Sync {
    /// The tags of a text, sorted, each once.
    fn tags(&self, text: &str) -> Vec<String>;
}

/// The words that make a tag.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Words of languages written without spaces: found anywhere in the text.
    pub zh: Vec<String>,
    /// Words and phrases of languages written with spaces: found as whole words.
    pub en: Vec<String>,
    /// What takes a word back when it stands right before it, like `不` or `not`.
    #[serde(default)]
    pub unless_after: Vec<String>,
}

/// The tagger by words.
#[derive(Clone, Debug)]
pub struct WordTagger(BTreeMap<String, Words>);

impl WordTagger {
    /// A tagger from TOML: one table a tag.
    ///
    /// # Errors
    ///
    /// When the text cannot be read, or knows no anger.
    pub fn read(toml: &str) -> anyhow::Result<Self> {
        let words: BTreeMap<String, Words> = toml::from_str(toml)?;
        anyhow::ensure!(words.contains_key(ANGRY), "the tag words know no `{ANGRY}`");
        Ok(Self(words))
    }
}

impl Tagger for WordTagger {
    fn tags(&self, text: &str) -> Vec<String> {
        let text = text.to_lowercase();
        let spoken: Vec<&str> = text
            .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '\'')
            .filter(|word| !word.is_empty())
            .collect();
        let has = |words: &Words| {
            words.zh.iter().any(|word| in_text(&text, word, &words.unless_after))
                || words.en.iter().any(|phrase| in_words(&spoken, phrase, &words.unless_after))
        };
        self.0.iter().filter(|(_, words)| has(words)).map(|(tag, _)| tag.clone()).collect()
    }
}

fn in_text(text: &str, word: &str, unless_after: &[String]) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = &text[..at];
        !unless_after.iter().any(|taken_back| !taken_back.is_ascii() && before.ends_with(taken_back.as_str()))
    })
}

fn in_words(spoken: &[&str], phrase: &str, unless_after: &[String]) -> bool {
    let phrase: Vec<&str> = phrase.split(' ').collect();
    spoken.windows(phrase.len()).enumerate().any(|(at, window)| {
        let before = at.checked_sub(1).map(|before| spoken[before]);
        window == phrase && !unless_after.iter().any(|taken_back| before == Some(taken_back.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(text: &str) -> Vec<String> {
        WordTagger::read(include_str!("../../data/tags.toml")).unwrap().tags(text)
    }

    #[test]
    fn anger_is_heard_in_both_languages() {
        for text in ["太差劲了,我要投诉!", "骗子公司", "This is a SCAM, never again", "I am furious.", "退钱!垃圾"]
        {
            assert!(tags(text).contains(&ANGRY.to_owned()), "{text}: {:?}", tags(text));
        }
    }

    #[test]
    fn what_is_taken_back_and_what_is_part_of_another_word_is_no_anger() {
        for text in ["师傅很好,谢谢", "I was not angry at all", "不生气", "the scampi lamp is nice", ""] {
            assert!(!tags(text).contains(&ANGRY.to_owned()), "{text}: {:?}", tags(text));
        }
    }

    #[test]
    fn topics_are_found() {
        assert!(tags("等了三天,师傅迟到,态度恶劣").contains(&"late".to_owned()));
        assert!(tags("等了三天,师傅迟到,态度恶劣").contains(&"attitude".to_owned()));
        assert!(tags("Too expensive and he came late").contains(&"price".to_owned()));
        assert!(tags("师傅很专业,非常满意").contains(&"praise".to_owned()));
    }

    #[test]
    fn words_without_anger_are_refused() {
        assert!(WordTagger::read("[late]\nzh = []\nen = []").is_err());
    }
}
