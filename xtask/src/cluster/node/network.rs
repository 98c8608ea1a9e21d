//! Addresses of a node: one `10.x.0.0/16` for each cluster, and the link that leads into it.

use std::net::Ipv4Addr;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::cluster::process::output;

/// The second byte of the networks that may be taken.
const NUMBERS: std::ops::Range<u8> = 200..232;

/// The addresses of one cluster, all of them below `10.number.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    number: u8,
}

impl Network {
    /// The first network that the machine does not route yet.
    pub(super) fn free() -> Result<Self> {
        let routes = output(Command::new("ip").args(["-4", "route", "show", "table", "all"]))?;
        let numbers = &mut NUMBERS.clone();
        let number = numbers.find(|number| !routes.contains(&format!("10.{number}.")));
        let number =
            number.context("every network from 10.200.0.0/16 to 10.231.0.0/16 is taken")?;
        Ok(Self { number })
    }

    /// The network of this second byte, as a state file has it.
    pub(super) fn numbered(text: &str) -> Result<Self> {
        let number = text.trim().parse().context("the number of a network")?;
        ensure!(
            NUMBERS.contains(&number),
            "no network has the number {number}"
        );
        Ok(Self { number })
    }

    pub(super) fn number(self) -> u8 {
        self.number
    }

    /// The machine's end of the link: the API server listens there, and pods reach it.
    pub(super) fn host(self) -> Ipv4Addr {
        self.address(0, 1)
    }

    /// The node's end of the link.
    pub(super) fn node(self) -> Ipv4Addr {
        self.address(0, 2)
    }

    pub(super) fn pods(self) -> String {
        format!("{}/24", self.address(1, 0))
    }

    /// Services: 4,094 addresses.
    pub(super) fn services(self) -> String {
        format!("{}/20", self.address(16, 0))
    }

    /// The service `kubernetes`, which is always the first.
    pub(super) fn api_service(self) -> Ipv4Addr {
        self.address(16, 1)
    }

    /// The service `kube-dns`.
    pub(super) fn dns(self) -> Ipv4Addr {
        self.address(16, 10)
    }

    fn address(self, third: u8, fourth: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, self.number, third, fourth)
    }

    /// The name of the machine's end of the link.
    fn device(self) -> String {
        format!("hari{}", self.number)
    }

    /// Makes the link between the machine and the namespace of a process, addresses and routes
    /// on both sides. `inside` gives a command that runs in that namespace.
    pub(super) fn connect(self, process: u32, inside: impl Fn() -> Result<Command>) -> Result<()> {
        let (device, process) = (self.device(), process.to_string());
        let (host, node) = (self.host().to_string(), self.node().to_string());
        let (near, far) = (format!("{host}/24"), format!("{node}/24"));
        let whole = format!("{}/16", self.address(0, 0));
        let outside = || Command::new("ip");
        let add = [
            "link", "add", &device, "type", "veth", "peer", "name", "eth0",
        ];
        output(outside().args(add).args(["netns", &process]))?;
        output(outside().args(["addr", "add", &near, "dev", &device]))?;
        output(outside().args(["link", "set", &device, "up"]))?;
        output(inside()?.args(["addr", "add", &far, "dev", "eth0"]))?;
        output(inside()?.args(["link", "set", "eth0", "up"]))?;
        output(inside()?.args(["route", "add", "default", "via", &host]))?;
        output(outside().args(["route", "add", &whole, "via", &node, "dev", &device]))?;
        Ok(())
    }

    /// Removes the link, and with it the routes.
    pub(super) fn disconnect(self) {
        let device = self.device();
        // The namespace may have taken it along already.
        let _gone = output(Command::new("ip").args(["link", "delete", &device]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_a_network_do_not_meet() {
        let network = Network::numbered("201\n").unwrap();
        assert_eq!(network.host().to_string(), "10.201.0.1");
        assert_eq!(network.node().to_string(), "10.201.0.2");
        assert_eq!(network.pods(), "10.201.1.0/24");
        assert_eq!(network.services(), "10.201.16.0/20");
        assert_eq!(network.api_service().to_string(), "10.201.16.1");
        assert_eq!(network.dns().to_string(), "10.201.16.10");
    }

    #[test]
    fn a_number_that_is_not_ours_is_refused() {
        for text in ["", "0", "10", "199", "232", "300", "x"] {
            assert!(Network::numbered(text).is_err(), "{text}");
        }
        for number in NUMBERS {
            assert_eq!(
                Network::numbered(&number.to_string()).unwrap().number(),
                number
            );
        }
    }

    #[test]
    fn the_name_of_a_device_is_short_enough_for_the_kernel() {
        for number in NUMBERS {
            assert!(Network { number }.device().len() < 16);
        }
    }
}
