//! Topics of a Kafka broker: read in a group, written with acknowledgement.
