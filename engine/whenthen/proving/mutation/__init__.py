"""How much scenarios notice: outcomes they reach, mutants they tell from the rule, and timelines for the rest."""
