"""Components for models whose own code runs: used where a deployment says `trusted: true`."""
