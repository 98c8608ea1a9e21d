"""Payloads of nodes, logged to a topic of a real Kafka broker."""

import json

import pytest

import kafka
from harness import Server, http, until
from payload_log import counter, document, rows, simple


@pytest.fixture(scope="module")
def broker():
    made = kafka.Broker()
    yield made
    made.stop()


def predict(server, puid):
    reply = http(server.url("/api/v1.0/predictions"), rows(1.0), {"Seldon-Puid": puid})
    assert reply.status == 200, reply.body


def test_a_topic_takes_the_place_of_http(broker, tmp_path):
    topic = broker.topic(partitions=3)
    env = {"LOGGER_KAFKA_BROKER": broker.at("PLAINTEXT"), "LOGGER_KAFKA_TOPIC": topic}
    path = document(tmp_path, simple("http://127.0.0.1:1/nobody"))
    with Server(path, env=env) as server:
        for number in range(10):
            predict(server, f"p{number}")
        until(lambda: counter(server, "sent_total", sink="kafka") == 20, "all are sent", 60)
        assert counter(server, "sent_total", sink="http") == 0
    messages = broker.read(topic, 20)
    assert len(messages) == 20
    places = {}
    for message in messages:
        headers = {name: value.decode() for name, value in message.headers.items()}
        assert headers["type"].startswith("io.seldon.serving.inference.")
        assert headers["content-type"] == "application/json"
        assert headers["modelid"] == "m"
        assert headers["inferenceservicename"] == "clerk"
        assert headers["namespace"] == "post"
        assert headers["endpoint"] == "main"
        assert headers["protocol"] == "seldon"
        assert message.key.decode() == headers["requestid"]
        assert "ndarray" in json.loads(message.value)["data"]
        places.setdefault(headers["requestid"], []).append(message.partition)
    assert sorted(places) == [f"p{number}" for number in range(10)]
    assert all(len(found) == 2 and len(set(found)) == 1 for found in places.values())


def test_a_broker_that_is_killed_loses_nothing_that_waits(broker, tmp_path):
    topic = broker.topic()
    url = f"kafka://{broker.at('PLAINTEXT')}/{topic}"
    env = {"HARI_PAYLOAD_LOG_ATTEMPTS": "1000"}
    with Server(document(tmp_path, simple(url)), env=env) as server:
        predict(server, "before")
        until(lambda: counter(server, "sent_total") == 2, "the broker is there", 60)
        broker.kill()
        for number in range(20):
            predict(server, f"p{number}")
        assert counter(server, "sent_total") == 2
        broker.start()
        until(lambda: counter(server, "queued") == 0, "what waited is sent", 120)
        assert counter(server, "dropped_total") == counter(server, "failed_total") == 0
    found = {message.key.decode() for message in broker.read(topic, 42)}
    assert found == {"before", *(f"p{number}" for number in range(20))}
