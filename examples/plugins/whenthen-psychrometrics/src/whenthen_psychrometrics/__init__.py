"""Moist air for whenthen: vapour pressure deficit, dew point, and the formulas behind them."""
