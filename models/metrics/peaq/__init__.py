"""PEAQ, basic version: how much worse than its reference a sound is to the ear.

ITU-R BS.1387-1, as P. Kabal reads it in "An Examination and Interpretation of ITU-R BS.1387:
Perceptual Evaluation of Audio Quality" (McGill University, 2002).
"""

from __future__ import annotations

from latentpad.models.metrics.peaq.comparison import compared, peaq, peaqs
from latentpad.models.metrics.peaq.patterns import Patterns, ear_patterns
from latentpad.models.metrics.peaq.sound import repeated
from latentpad.models.metrics.peaq.verdict import Peaq

__all__ = ["Patterns", "Peaq", "compared", "ear_patterns", "peaq", "peaqs", "repeated"]
