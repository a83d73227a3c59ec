"""The core made live: readings come in, are decided and stored in one commit, and then acted upon."""

from whenthen.runtime.intake import QueueFullError, Ticket
from whenthen.runtime.journal import Journal, JournalError, Transaction
from whenthen.runtime.runtime import Runtime

__all__ = ["Journal", "JournalError", "QueueFullError", "Runtime", "Ticket", "Transaction"]
