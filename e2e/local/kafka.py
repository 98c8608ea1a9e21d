"""A real Kafka broker of one process, and what writes to its topics and reads them."""

import datetime
import ipaddress
import os
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import harness
from stores import SECRET, free_port

USER = "alice"
START_SECONDS = 60

# Listeners beside the plain one, and the mechanisms of those that ask for a user.
LISTENERS = {"SSL": [], "SASL_PLAINTEXT": ["PLAIN"], "SASL_SSL": ["SCRAM-SHA-512"]}


def jars():
    """The folder that `cargo xtask e2e` copied the broker into."""
    folder = os.environ.get("HARI_E2E_KAFKA")
    assert folder, "HARI_E2E_KAFKA is not set: run the tests with `cargo xtask e2e`"
    return folder


class Authority:
    """A certificate authority, and the certificates it signs; all as PEM text."""

    def __init__(self):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Hari test authority")
        self._certificate = self._sign(self._name, self._key, authority=True)
        self.pem = _pem(self._certificate)

    def issue(self, name, password=None):
        """A certificate and its key, for `name` at 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(_name(name), key, authority=False)
        hidden = serialization.NoEncryption()
        if password:
            hidden = serialization.BestAvailableEncryption(password.encode())
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden
        )
        return _pem(certificate), text.decode()

    def _sign(self, subject, key, authority):
        now = datetime.datetime.now(datetime.timezone.utc)
        here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([here]), critical=False)
        )
        return builder.sign(self._key, hashes.SHA256())


def _name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


class Broker:
    """Apache Kafka in KRaft mode, on free ports of 127.0.0.1; topics are made by `topic` alone."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="hari-kafka-")
        self._root = Path(self.folder.name)
        self.authority = Authority()
        self.ports = {name: free_port() for name in ["PLAINTEXT", *LISTENERS, "CONTROLLER"]}
        self.plain = self.at("PLAINTEXT")
        self._properties = self._root / "server.properties"
        self._properties.write_text(self._settings())
        self._log = open(self._root / "log", "ab")
        scram = f"SCRAM-SHA-512=[name={USER},password={SECRET}]"
        cluster = str(uuid.uuid4()).replace("-", "")[:22]
        format = ["format", "-t", cluster, "-c", self._properties, "--add-scram", scram]
        done = subprocess.run(self._java("kafka.tools.StorageTool", *format), **self._streams())
        assert done.returncode == 0, self.log()
        self.process = None
        self.start()

    def at(self, listener):
        return f"127.0.0.1:{self.ports[listener]}"

    def _settings(self):
        certificate, key = self.authority.issue("broker")
        keystore, truststore = self._root / "broker.pem", self._root / "authority.pem"
        keystore.write_text(key + certificate)
        truststore.write_text(self.authority.pem)
        listeners = ",".join(f"{name}://127.0.0.1:{port}" for name, port in self.ports.items())
        known = [name for name in self.ports if name != "CONTROLLER"]
        advertised = ",".join(f"{name}://{self.at(name)}" for name in known)
        login = "org.apache.kafka.common.security"
        plain = f'{login}.plain.PlainLoginModule required user_{USER}="{SECRET}";'
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{self.ports['CONTROLLER']}",
            "controller.listener.names": "CONTROLLER",
            "listeners": listeners,
            "advertised.listeners": advertised,
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,"
            + ",".join(f"{name}:{name}" for name in known),
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": self._root / "data",
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": 1,
            "offsets.topic.replication.factor": 1,
            "group.initial.rebalance.delay.ms": 0,
            "message.max.bytes": 1 << 20,
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": keystore,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": truststore,
            "listener.name.ssl.ssl.client.auth": "required",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config": plain,
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f"{login}.scram.ScramLoginModule required;",
        }
        for name, mechanisms in LISTENERS.items():
            if mechanisms:
                key = f"listener.name.{name.lower()}.sasl.enabled.mechanisms"
                settings[key] = ",".join(mechanisms)
        return "".join(f"{key}={value}\n" for key, value in settings.items())

    def _java(self, main, *arguments):
        heap = ["-Xmx256m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        return ["java", *heap, "-cp", f"{jars()}/*", main, *map(str, arguments)]

    def _streams(self):
        return {"stdin": subprocess.DEVNULL, "stdout": self._log, "stderr": self._log}

    def log(self):
        return (self._root / "log").read_text(errors="replace")[-8000:]

    def start(self):
        line = self._java("kafka.Kafka", self._properties)
        self.process = subprocess.Popen(line, **self._streams())
        harness.until(self._answers, "the broker answers", START_SECONDS, 0.2)

    def _answers(self):
        assert self.process.poll() is None, self.log()
        try:
            admin = AdminClient({"bootstrap.servers": self.plain, "log_level": 0})
            return admin.list_topics(timeout=1).brokers
        except Exception:
            return False

    def kill(self):
        """As a machine that loses its power."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self._log.close()
        self.folder.cleanup()

    def topic(self, partitions=1):
        """A new topic; its name."""
        name = f"topic-{uuid.uuid4().hex[:12]}"
        admin = AdminClient({"bootstrap.servers": self.plain})
        for made in admin.create_topics([NewTopic(name, partitions, 1)]).values():
            made.result(30)
        return name

    def write(self, topic, messages):
        """Writes `(key, value, headers)`, each with acknowledgement."""
        failures = []
        producer = Producer({"bootstrap.servers": self.plain, "linger.ms": 5})
        for key, value, headers in messages:
            told = lambda error, _: failures.append(error) if error else None
            producer.produce(topic, value, key, headers=headers, on_delivery=told)
            producer.poll(0)
        assert producer.flush(60) == 0 and not failures, failures

    def read(self, topic, count, seconds=60):
        """At least `count` messages of a topic, from its beginning."""
        messages = []
        with self.reader(topic) as reader:
            deadline = time.monotonic() + seconds
            while len(messages) < count:
                left = deadline - time.monotonic()
                assert left > 0, f"{len(messages)} of {count} messages in {seconds} seconds"
                messages += reader.poll()
            # What is more than asked for is seen too.
            messages += reader.poll()
        return messages

    def reader(self, topic):
        return Reader(self.plain, topic)

    def ends(self, topic):
        """The offset after the last message, by partition."""
        consumer = Consumer({"bootstrap.servers": self.plain, "group.id": "ends"})
        try:
            partitions = consumer.list_topics(topic, 10).topics[topic].partitions
            place = lambda number: TopicPartition(topic, number)
            return {
                number: consumer.get_watermark_offsets(place(number), 10)[1]
                for number in partitions
            }
        finally:
            consumer.close()

    def committed(self, group, topic):
        """What a group has committed, by partition."""
        consumer = Consumer({"bootstrap.servers": self.plain, "group.id": group})
        try:
            partitions = consumer.list_topics(topic, 10).topics[topic].partitions
            places = [TopicPartition(topic, number) for number in partitions]
            return {
                place.partition: max(place.offset, 0)
                for place in consumer.committed(places, timeout=10)
            }
        finally:
            consumer.close()


class Message:
    """What was read: key and value as bytes, headers by name in lower case."""

    def __init__(self, message):
        self.key, self.value, self.partition = message.key(), message.value(), message.partition()
        self.headers = {name.lower(): value for name, value in message.headers() or []}


class Reader:
    """Reads every partition of a topic from its beginning, in no group."""

    def __init__(self, servers, topic):
        self._consumer = Consumer({"bootstrap.servers": servers, "group.id": "none"})
        partitions = self._consumer.list_topics(topic, 10).topics[topic].partitions
        self._consumer.assign([TopicPartition(topic, number, 0) for number in partitions])

    def poll(self):
        found = self._consumer.consume(500, timeout=0.3)
        assert not [one.error() for one in found if one.error()]
        return [Message(one) for one in found]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._consumer.close()
