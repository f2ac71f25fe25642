//! Sentences, counted as a reader meets them: paragraphs and items of lists, without code and tables.

use testbed::{Document, LineKind};

pub const WORDS_MAX: usize = 35;
pub const WORDS_MEAN_MAX: usize = 18;

/// A line for each sentence that is too long, and for each page whose sentences are long on average.
pub fn long(documents: &[Document]) -> Vec<String> {
    documents.iter().flat_map(long_in).collect()
}

fn long_in(document: &Document) -> Vec<String> {
    let sentences: Vec<(usize, String)> = paragraphs(document)
        .into_iter()
        .flat_map(|(line, text)| sentences(&text).into_iter().map(move |sentence| (line, sentence)))
        .collect();
    let all: usize = sentences.iter().map(|(_, sentence)| words(sentence)).sum();
    let long = sentences.iter().filter(|(_, sentence)| words(sentence) > WORDS_MAX);
    let told = long.map(|(line, sentence)| {
        format!("{}:{line}: {} words, at most {WORDS_MAX}: {sentence}", document.path, words(sentence))
    });
    let mean = all as f64 / sentences.len().max(1) as f64;
    let is_long = mean > WORDS_MEAN_MAX as f64;
    let page = is_long.then(|| format!("{}: {mean:.1} words a sentence, at most {WORDS_MEAN_MAX}", document.path));
    told.chain(page).collect()
}

/// Paragraphs and items of lists, with the lines at which they begin.
fn paragraphs(document: &Document) -> Vec<(usize, String)> {
    let mut paragraphs: Vec<(usize, String)> = Vec::new();
    let mut is_open = false;
    for (number, kind, line) in document.lines() {
        let is_item = item(line).is_some();
        let line = item(line).unwrap_or(line).trim();
        match paragraphs.last_mut() {
            _ if kind != LineKind::Prose => is_open = false,
            Some((_, text)) if is_open && !is_item => *text = format!("{text} {line}"),
            _ => {
                paragraphs.push((number, line.to_owned()));
                is_open = true;
            }
        }
    }
    paragraphs
}

/// What follows the mark of an item of a list.
fn item(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let numbered = || {
        let (number, rest) = line.split_once(". ")?;
        number.chars().all(|letter| letter.is_ascii_digit()).then_some(rest)
    };
    line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")).or_else(numbered)
}

/// Sentences of a paragraph: code is one word, and a mark ends a sentence where a space follows.
fn sentences(paragraph: &str) -> Vec<String> {
    let pieces = paragraph.split('`').enumerate();
    let told: String = pieces.map(|(n, piece)| if n % 2 == 0 { piece } else { "code" }).collect();
    let told = told.replace(['*', '(', ')', '[', ']'], "") + " ";
    let mut sentences = vec![String::new()];
    let mut letters = told.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_end = ".!?:".contains(letter) && letters.peek().is_some_and(|next| next.is_whitespace());
        sentences.last_mut().expect("there is one").push(letter);
        if is_end {
            sentences.push(String::new());
        }
    }
    sentences.into_iter().filter(|sentence| words(sentence) > 0).collect()
}

fn words(sentence: &str) -> usize {
    sentence.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count()
}
