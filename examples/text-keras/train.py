"""Trains a classifier of short messages and writes it as a SavedModel, with requests and answers.

The network takes text as it was written: splitting it into words and looking them up is part of the
SavedModel. The messages are made by this script, from sentences with places to fill in; those that
it is tested with use fillings that it was not trained on. What TensorFlow answers for a few
messages is written beside the requests.

    pip install -r requirements.txt
    python train.py
"""

import itertools
import json
import os
import shutil
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

HERE = Path(__file__).parent
SEED = 0
WORDS, LENGTH = 400, 24
EPOCHS = 15

TOPICS = ["account", "billing", "shipping", "technical"]

SENTENCES = {
    "account": [
        "I cannot log in to my {thing} account{end}",
        "How do I change the {detail} of my profile{end}",
        "Please delete my account and all of my data{end}",
        "I forgot my password and the {thing} asks for it{end}",
        "Someone else has used my login, please lock the account{end}",
        "My new {detail} is not accepted when I sign in{end}",
        "Can I have two users under one account for the {thing}{end}",
    ],
    "billing": [
        "I was charged {count} for the {thing}{end}",
        "Please send me the invoice for the {thing}{end}",
        "The price of the {thing} on my bill is wrong{end}",
        "When do I get my money back for the {thing}{end}",
        "My card was refused though there is money on it{end}",
        "I want a refund, I paid {count} for it{end}",
        "Can I pay for the {thing} by bank transfer{end}",
    ],
    "shipping": [
        "Where is my {thing}, I ordered it {when}{end}",
        "The parcel with the {thing} has not arrived{end}",
        "The {thing} came {when} but the box was damaged{end}",
        "Can you deliver the {thing} to another address{end}",
        "The tracking number of my order does not work{end}",
        "The courier left my {thing} at the wrong house {when}{end}",
        "How long does delivery of the {thing} take{end}",
    ],
    "technical": [
        "The {thing} does not turn on since {when}{end}",
        "I get an error when I start the {thing}{end}",
        "The screen of the {thing} stays black{end}",
        "After the update the {thing} is very slow{end}",
        "How do I connect the {thing} to the network{end}",
        "The battery of my {thing} is empty after an hour{end}",
        "The {thing} crashed {count} since {when}{end}",
    ],
}

FILLINGS = {
    "thing": ["phone", "laptop", "camera", "printer", "tablet", "watch", "radio", "router"],
    "detail": ["name", "address", "email", "phone number"],
    "count": ["twice", "three times", "2 times", "again"],
    "when": ["yesterday", "last week", "on Monday", "two days ago"],
    "end": [".", "!", "?", ""],
}

# The last of each list is seen in the test alone.
HELD_OUT = {name: values[-1] for name, values in FILLINGS.items()}

ASKED = [
    "Where is my camera? I ordered it last week!",
    "I was charged TWICE for the same printer...",
    "how do i reset my password",
    "the screen stays black after the update :-(",
]


def messages():
    """Messages to train with, and to test with, each a list of texts and a list of topics."""
    train, test = ([], []), ([], [])
    for topic, sentences in SENTENCES.items():
        for sentence in sentences:
            places = [name for name in FILLINGS if "{" + name + "}" in sentence]
            for values in itertools.product(*(FILLINGS[name] for name in places)):
                chosen = dict(zip(places, values))
                new = any(chosen[name] == HELD_OUT[name] for name in places if name != "end")
                texts, topics = test if new else train
                texts.append(sentence.format(**chosen))
                topics.append(TOPICS.index(topic))
    return train, test


def network(texts):
    vectorise = layers.TextVectorization(max_tokens=WORDS, output_sequence_length=LENGTH)
    vectorise.adapt(texts)
    text = keras.Input(shape=(), dtype="string", name="text")
    words = layers.Embedding(WORDS, 16, mask_zero=True)(vectorise(text))
    states = layers.Bidirectional(layers.LSTM(16))(layers.SpatialDropout1D(0.3)(words))
    topics = layers.Dense(len(TOPICS), activation="softmax", name="topic")(states)
    return keras.Model(text, topics)


def accuracy(model, texts, topics):
    found = model.predict(tf.constant(texts), verbose=0).argmax(axis=1)
    return (found == np.array(topics)).mean()


def trained():
    keras.utils.set_random_seed(SEED)
    train, test = messages()
    model = network(train[0])
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(tf.constant(train[0]), np.array(train[1]), epochs=EPOCHS, batch_size=32, verbose=2)
    right = accuracy(model, *test)
    print(f"{len(train[0])} messages to train with, {right:.1%} of {len(test[0])} others right")
    assert right >= 0.95, "the network has not learnt its topics"
    return model


def answers(folder):
    """What TensorFlow gives for the messages asked, from the SavedModel."""
    serve = tf.saved_model.load(str(folder)).signatures["serving_default"]
    (name,) = serve.structured_input_signature[1]
    (found,) = serve(**{name: tf.constant(ASKED)}).values()
    return found.numpy()


def main():
    folder = HERE / "model" / "1"
    shutil.rmtree(folder, ignore_errors=True)
    trained().export(folder, verbose=False)
    found = answers(folder)
    for text, row in zip(ASKED, found):
        print(f"{TOPICS[row.argmax()]:10} {row.max():.3f}  {text}")
    write("seldon-ndarray", {"data": {"names": ["text"], "ndarray": ASKED}})
    tensor = {"name": "text", "datatype": "BYTES", "shape": [len(ASKED)], "data": ASKED}
    write("v2-infer", {"inputs": [tensor]})
    write("tensorflow-predict", {"instances": ASKED})
    write("expected", {"topics": TOPICS, "probabilities": found.tolist()})


def write(name, value):
    path = HERE / "requests" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


if __name__ == "__main__":
    main()
