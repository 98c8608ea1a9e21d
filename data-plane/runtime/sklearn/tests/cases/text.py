"""Vectorisers of text: every analyzer, patterns, accents, stop words, weights."""

from fixtures import Case
from sklearn import feature_extraction, pipeline, preprocessing

TEXTS = [
    "The quick brown fox jumps over the lazy dog.", "A lazy dog, a quick cat; the fox?", "Ein schöner Tag für Füchse und Hunde",
    "déjà vu: le renard brun n'est pas lent", "It's 42 degrees, 3.14 is pi, and x² + y² = z²", "foo_bar baz-qux FOO_BAR #tag @you",
    "ΟΔΥΣΣΕΥΣ και Σίσυφος", "नमस्ते दुनिया", "быстрая коричневая лиса", "the the the the cat cat sat on a mat",
    "tab\tand\nnewline   and  spaces", "one", "I", "don't stop-words be all that they can be"]
ROWS = TEXTS + [
    "", " ", "!?", "quick quick fox fox fox", "A a B b", "unseen words entirely", "CAFÉ ﬁ ½ Ⅷ \u2028 x\u0301y", "\x1c\x1d lazy\x1fdog",
    "the quick\u00a0brown\u3000fox", "lazy " * 30, "İstanbul ẞ ß"]
COUNT, TFIDF, HASH = "CountVectorizer", "TfidfVectorizer", "HashingVectorizer"


def cases(version):
    count = feature_extraction.text.CountVectorizer
    tfidf = feature_extraction.text.TfidfVectorizer
    hashing = feature_extraction.text.HashingVectorizer
    yield Case("count", count().fit(TEXTS), ROWS)
    yield Case("count_binary", count(binary=True, dtype=float).fit(TEXTS), ROWS)
    yield Case("count_case", count(lowercase=False).fit(TEXTS), ROWS)
    yield Case("count_pairs", count(ngram_range=(1, 3), min_df=1, max_df=0.3, max_features=30).fit(TEXTS), ROWS)
    yield Case("count_pairs_alone", count(ngram_range=(2, 2), stop_words="english", max_features=20).fit(TEXTS), ROWS)
    yield Case("count_stop_list", count(stop_words=["the", "a", "dog"]).fit(TEXTS), ROWS)
    yield Case("count_letters", count(analyzer="char", ngram_range=(1, 2), max_features=25).fit(TEXTS), ROWS)
    yield Case("count_letters_long", count(analyzer="char", ngram_range=(3, 3), min_df=2).fit(TEXTS), ROWS)
    yield Case("count_words_letters", count(analyzer="char_wb", ngram_range=(2, 4), min_df=2).fit(TEXTS), ROWS)
    yield Case("count_words_letters_long", count(analyzer="char_wb", ngram_range=(5, 7)).fit(TEXTS[:3]), ROWS)
    yield Case("count_ascii", count(strip_accents="ascii").fit(TEXTS), ROWS)
    yield Case("count_unicode", count(strip_accents="unicode", analyzer="char").fit(TEXTS), ROWS)
    yield Case("count_single", count(token_pattern=r"(?u)\b\w+\b").fit(TEXTS), ROWS)
    yield Case("count_spaces", count(token_pattern=r"[^\s]+").fit(TEXTS), ROWS)
    yield Case("count_border", count(token_pattern=r"\b[^\W\d_]{2,}\b").fit(TEXTS), ROWS)
    yield Case("count_group", count(token_pattern=r"(\w+)[.,;:?!]").fit(TEXTS), ROWS)
    yield Case("count_vocabulary", count(vocabulary=["fox", "dog", "cat", "the quick"], ngram_range=(1, 2)).fit(TEXTS), ROWS)
    yield Case("tfidf", tfidf().fit(TEXTS), ROWS)
    yield Case("tfidf_sublinear", tfidf(sublinear_tf=True, norm="l1").fit(TEXTS), ROWS)
    yield Case("tfidf_plain", tfidf(use_idf=False, norm=None).fit(TEXTS), ROWS)
    yield Case("tfidf_rough", tfidf(smooth_idf=False, norm="l2", ngram_range=(1, 2), stop_words="english", max_features=20).fit(TEXTS), ROWS)
    yield Case("tfidf_letters", tfidf(analyzer="char_wb", ngram_range=(1, 3), max_features=25).fit(TEXTS), ROWS)
    weights = feature_extraction.text.TfidfTransformer
    for name, given in {"transformer": {}, "transformer_plain": {"use_idf": False, "sublinear_tf": True}}.items():
        yield Case(name, pipeline.make_pipeline(count(), weights(**given)).fit(TEXTS), ROWS,
                   cls="sklearn.feature_extraction.text.TfidfTransformer")
    yield Case("hashing", hashing(n_features=37).fit(TEXTS), ROWS)
    yield Case("hashing_plain", hashing(n_features=16, alternate_sign=False, norm=None).fit(TEXTS), ROWS)
    yield Case("hashing_binary", hashing(n_features=8, binary=True, norm="l1", ngram_range=(1, 2)).fit(TEXTS), ROWS)
    yield Case("hashing_letters", hashing(n_features=24, analyzer="char", ngram_range=(2, 3)).fit(TEXTS), ROWS)
    yield Case("scaled", pipeline.make_pipeline(tfidf(), preprocessing.Normalizer("max")).fit(TEXTS), ROWS,
               cls="sklearn.preprocessing._data.Normalizer")
