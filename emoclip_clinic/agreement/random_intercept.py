"""A line with a random intercept per participant, by restricted maximum likelihood, with Satterthwaite's
test.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from emoclip_clinic.agreement.inputs import Floats
from emoclip_clinic.agreement.resampling import group_sums

__all__ = ["RandomInterceptLine", "fit_random_intercept"]


@dataclass(frozen=True)
class RandomInterceptLine:
    """Intercept and slope with standard errors and degrees of freedom, variances, and restricted log
    likelihood.
    """

    coefficients: Floats
    errors: Floats
    df: Floats
    subject: float
    residual: float
    log_likelihood: float

    def p(self, place: int, null: float) -> float:
        """Two-sided p of coefficient ``place`` being ``null``."""
        t = (self.coefficients[place] - null) / self.errors[place]
        return float(2 * stats.t.sf(abs(t), self.df[place]))

    def limits(self, place: int, confidence: float) -> tuple[float, float]:
        """Limits of coefficient ``place``."""
        half = stats.t.ppf((1 + confidence) / 2, self.df[place]) * self.errors[place]
        return float(self.coefficients[place] - half), float(self.coefficients[place] + half)


class _Model:
    """Sums over participants from which the restricted likelihood follows for any two variances."""

    def __init__(self, x: Floats, y: Floats, cluster: npt.NDArray[np.intp]) -> None:
        design = np.column_stack([np.ones_like(x), x])
        self.n = y.size
        self.size = np.bincount(cluster).astype(np.float64)
        sums = group_sums(np.column_stack([design, y]), cluster, self.size.size)
        everything = np.column_stack([design, y])
        self.crossed = everything.T @ everything
        self.between = np.einsum("gi,gj->gij", sums, sums)

    def parts(
        self, subject: complex, residual: complex
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, complex]:
        """Return the covariance of the coefficients, the coefficients, the weighted squares, and log |V|."""
        shrink = subject / (residual + self.size * subject)
        products = (self.crossed - np.einsum("g,gij->ij", shrink, self.between)) / residual
        covariance = np.linalg.inv(products[:2, :2])
        coefficients = covariance @ products[:2, 2]
        squares = products[2, 2] - products[2, :2] @ coefficients
        logs = (self.n - self.size.size) * np.log(residual) + np.log(residual + self.size * subject).sum()
        return covariance, coefficients, squares, logs

    def deviance(self, subject: complex, residual: complex) -> complex:
        """-2 log restricted likelihood less its constant."""
        covariance, _, squares, logs = self.parts(subject, residual)
        return complex(logs - np.log(np.linalg.det(covariance)) + squares)

    def profiled(self, share: complex) -> complex:
        """The deviance at the best residual variance, as a function of lambda / (1 + lambda)."""
        covariance, _, squares, logs = self.parts(share / (1 - share), 1.0)
        return complex(logs - np.log(np.linalg.det(covariance)) + (self.n - 2) * np.log(squares))


def fit_random_intercept(x: Floats, y: Floats, cluster: npt.NDArray[np.intp]) -> RandomInterceptLine:
    """Fit y = intercept + slope * x + participant + error, as lme4 with lmerTest.

    Parameters
    ----------
    x, y : ndarray of shape (n,)
        Neither constant; n > 3.
    cluster : ndarray of int, shape (n,)
        Participant 0.. of each observation, some with several.

    References
    ----------
    Kuznetsova A, Brockhoff PB, Christensen RHB (2017). lmerTest package: tests in linear mixed effects
    models. doi:10.18637/jss.v082.i13
    """
    centre, scale = float(x.mean()), float(x.std())
    height, spread = float(y.mean()), float(y.std())
    model = _Model((x - centre) / scale, (y - height) / spread, cluster)
    subject, residual = _variances(model)
    covariance, coefficients, squares, logs = model.parts(subject, residual)
    # Back to the units of the data: y = height + spread * (b0 + b1 (x - centre) / scale).
    back = np.array([[spread, -spread * centre / scale], [0.0, spread / scale]])
    df = _satterthwaite(model, subject, residual, back)
    variance = back @ covariance @ back.T
    deviance = float(np.real(logs - np.log(np.linalg.det(covariance)) + squares))
    in_units = deviance + 2 * (model.n - 2) * math.log(spread) + 2 * math.log(scale)
    return RandomInterceptLine(
        coefficients=back @ coefficients + np.array([height, 0.0]),
        errors=np.sqrt(np.diag(variance)),
        df=df,
        subject=subject * spread**2,
        residual=residual * spread**2,
        log_likelihood=-(in_units + (model.n - 2) * math.log(2 * math.pi)) / 2,
    )


def _variances(model: _Model) -> tuple[float, float]:
    """Scan the share of the subject variance, then find where the derivative changes sign."""
    step = 1e-30

    def derivative(share: float) -> float:
        return model.profiled(complex(share, step)).imag / step

    grid = np.concatenate([[0.0], 1 - np.geomspace(0.999, 1e-10, 60)])
    best = int(np.argmin([model.profiled(complex(share)).real for share in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
    if derivative(low) >= 0 or derivative(high) <= 0:
        share = float(grid[best])
    else:
        share = float(optimize.brentq(derivative, low, high, xtol=1e-15, rtol=1e-14))
    ratio = share / (1 - share)
    squares = float(np.real(model.parts(complex(ratio), 1.0)[2]))
    residual = squares / (model.n - 2)
    return ratio * residual, residual


def _satterthwaite(model: _Model, subject: float, residual: float, back: Floats) -> Floats:
    """Degrees of freedom of each coefficient from the curvature of the deviance in the two variances."""
    if subject == 0:
        return np.full(2, float(model.n - 2))
    step = 1e-30

    def gradient(point: Floats) -> Floats:
        first = model.deviance(complex(point[0], step), complex(point[1])).imag
        second = model.deviance(complex(point[0]), complex(point[1], step)).imag
        return np.array([first, second]) / step

    point = np.array([subject, residual])
    hessian = np.empty((2, 2))
    for axis in range(2):
        width = 1e-5 * point[axis]
        moved = np.eye(2)[axis] * width
        hessian[axis] = (gradient(point + moved) - gradient(point - moved)) / (2 * width)
    spread = 2 * np.linalg.inv((hessian + hessian.T) / 2)
    slopes = np.empty((2, 2))
    for axis in range(2):
        values = [complex(subject), complex(residual)]
        values[axis] += 1j * step
        slopes[:, axis] = np.diag(back @ (model.parts(*values)[0].imag / step) @ back.T)
    variance = np.diag(back @ np.real(model.parts(subject, residual)[0]) @ back.T)
    return np.asarray(2 * variance**2 / np.einsum("ci,ij,cj->c", slopes, spread, slopes))
