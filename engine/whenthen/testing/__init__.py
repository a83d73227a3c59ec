"""What tests of rules and plugins need: a virtual clock, strategies, fixtures."""
