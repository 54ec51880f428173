"""The recipe of a training, and the other arguments that decide which model results."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from latentpad.models.representation import Representation
from latentpad.models.sources.licences import FREE


@dataclass(frozen=True)
class Recipe:
    """How a VAE is trained. Losses are in dB, so the weights are in dB per nat and the like."""

    width: int = 224  # channels of the decoder's convolutions
    hidden: int = 128  # units of its first layer
    seed_channels: int = 64  # channels of each of its coarsest frames
    encoder_width: int = 0  # channels of the encoder's convolutions; 0: as the decoder's
    beta: float = 0.28  # dB for a nat in every latent (Higgins et al., beta-VAE, 2017)
    free_nats: float = 0.5  # per latent and sound without a penalty, so that no latent dies
    warm_up: float = 0.1  # share of the training in which the weight rises from 0
    decorrelation: float = 0.1  # dB: weight of the correlation between latents
    learning_rate: float = 1.5e-3
    falling: bool = True  # the rate falls as half a cosine (Loshchilov & Hutter, SGDR, 2017)
    weight_decay: float = 1e-4
    augmentation: float = 0.5  # strength, see models.training.augmentation
    contrast: float = 0.0  # weight of the error of peaks' heights, see models.reconstruction
    content: float = 1.0  # how much more sound weighs than silence; 0: all bins equally
    epochs: int = 200
    steps: int = 0  # batches that the first fit learns from, at least: more epochs of few sounds
    patience: int = 60  # epochs without a better validation loss, once the rate has fallen
    last_fit: float = 0.0  # then fit to all sounds, for this share of the epochs; 0: it is not
    last_rate: float = 0.5  # of the learning rate, in that fit
    last_beta: float = 1.0  # of the price of a nat
    last_augmentation: float = 1.0  # of the augmentation

    @property
    def shape(self) -> dict[str, int]:
        """The arguments of `models.vae.build` besides representation and latents."""
        return {
            "width": self.width,
            "hidden": self.hidden,
            "seed_channels": self.seed_channels,
            "encoder_width": self.encoder_width,
        }


#: As in Cámara & Blanco: Adam at 1e-4, 500 epochs at most, a plain beta-VAE.
PAPER = Recipe(
    free_nats=0.0, warm_up=0.0, decorrelation=0.0, learning_rate=1e-4, falling=False,
    weight_decay=0.0, augmentation=0.0, content=0.0, epochs=500, patience=30,
)  # fmt: skip
#: Wide, and fit again to all sounds. The shipped packs were trained by it.
LONG = Recipe(
    width=384, hidden=512, seed_channels=128, encoder_width=224, contrast=0.6, epochs=240,
    steps=1500, last_fit=0.6, last_beta=0.3, last_augmentation=0.5,
)  # fmt: skip
#: The same with about two thirds of the steps.
DEFAULT = replace(LONG, epochs=180, steps=1300, last_fit=0.5)
RECIPES = {"default": DEFAULT, "long": LONG, "paper": PAPER}
LATENTS = {"default": 64, "long": 64, "paper": 4}  # of a recipe, unless others are asked for

#: Samples of a frame (n_fft) that a model may be trained with. A short frame is heard sooner, a
#: long one resolves lower notes.
WINDOWS = (256, 512, 1024, 2048, 4096)


def representation(n_fft: int) -> Representation:
    """Frames of `n_fft` samples, a quarter of them from one to the next, as long in all as the
    default's."""
    hop = n_fft // 4
    return Representation(n_fft=n_fft, hop=hop, frames=Representation().samples // hop)


@dataclass(frozen=True)
class TrainingConfig:
    """Everything besides the sounds that decides the result of a training."""

    latent: int = 4
    recipe: Recipe = Recipe()
    representation: Representation = field(default_factory=Representation)
    seed: int = 0
    batch: int = 16  # sounds in a step, of all devices together
    epochs: int | None = None  # at most; None: as many as the recipe says
    minutes: float | None = None  # and not longer than this
    licences: tuple[str, ...] | None = FREE  # allowed for sounds that name a licence; None: all
    held_out: float | None = None  # share not learned from; None: see models.training.dataset

    def passes(self, batches: int) -> int:
        """The number of epochs, at most, of `batches` steps each."""
        return self.epochs or max(self.recipe.epochs, -(-self.recipe.steps // batches))

    @property
    def first(self) -> TrainingConfig:
        """The config of the fit on the sounds that are not held out."""
        share = 1 / (1 + self.recipe.last_fit)
        return replace(self, minutes=None if self.minutes is None else share * self.minutes)

    @property
    def last(self) -> TrainingConfig:
        """The config of the last fit, on all sounds, from the weights of the first."""
        recipe = self.recipe
        minutes = None if self.minutes is None else self.minutes - (self.first.minutes or 0.0)
        return replace(
            self,
            recipe=replace(
                recipe,
                learning_rate=recipe.last_rate * recipe.learning_rate,
                beta=recipe.last_beta * recipe.beta,
                augmentation=recipe.last_augmentation * recipe.augmentation,
                warm_up=0.0,
                epochs=max(1, round(recipe.last_fit * recipe.epochs)),
                steps=round(recipe.last_fit * recipe.steps),
            ),
            epochs=self.epochs and max(1, round(recipe.last_fit * self.epochs)),
            minutes=minutes,
        )
