#include "polynomial/fit.h"

#include <algorithm>
#include <cmath>

#include "polynomial/kernels.h"

namespace iph {

MomentsResult moments(const float* const source[3], const float* const target[3], const float* weight, int64_t pixels,
                      double* ata, double* atb) {
  // Blocks are fixed by the pixel's number, so the order of the sums never changes.
  double sums[kTerms * kFeatures] = {};
  const Kernels& k = kernels();
  for (int64_t start = 0; start < pixels; start += kMomentBlock) {
    const float* const s[3] = {source[0] + start, source[1] + start, source[2] + start};
    const float* const t[3] = {target[0] + start, target[1] + start, target[2] + start};
    const int64_t count = std::min<int64_t>(kMomentBlock, pixels - start);
    if (!k.moments_block(s, t, weight + start, count, sums)) return MomentsResult::bad_weight;
  }
  if (!std::isfinite(sums[10 * kFeatures + 10])) return MomentsResult::bad_weight;
  bool finite = true;
  for (int i = 0; i < kTerms; ++i) {
    for (int j = i; j < kFeatures; ++j) {
      const double sum = sums[i * kFeatures + j];
      finite = finite && std::isfinite(sum);
      if (j < kTerms) {
        ata[i * kTerms + j] = ata[j * kTerms + i] = sum;
      } else {
        atb[i * 3 + j - kTerms] = sum;
      }
    }
  }
  return finite ? MomentsResult::ok : MomentsResult::not_finite;
}

bool solve_ridge(const double* ata, const double* atb, double ridge, double* coefficients) {
  for (int i = 0; i < kTerms * 3; ++i) coefficients[i] = 0.0;
  for (int c = 0; c < 3; ++c) coefficients[c * 3 + c] = 1.0;
  const double weight = ata[kTerms * kTerms - 1];
  if (weight == 0.0) return true;

  // For D = C - I: (A / w + ridge 1) D = (T - A I) / w, by Cholesky. Solved for D so that "no change" is exactly no change.
  double lower[kTerms][kTerms], right[kTerms][3];
  for (int i = 0; i < kTerms; ++i) {
    for (int c = 0; c < 3; ++c) right[i][c] = (atb[i * 3 + c] - ata[i * kTerms + c]) / weight;
    for (int j = 0; j <= i; ++j) {
      double sum = ata[i * kTerms + j] / weight + (i == j ? ridge : 0.0);
      for (int k = 0; k < j; ++k) sum -= lower[i][k] * lower[j][k];
      if (i == j) {
        if (!(sum > 0.0) || !std::isfinite(sum)) return false;
        lower[i][i] = std::sqrt(sum);
      } else {
        lower[i][j] = sum / lower[j][j];
      }
    }
  }
  bool finite = true;
  for (int c = 0; c < 3; ++c) {
    for (int i = 0; i < kTerms; ++i) {
      for (int k = 0; k < i; ++k) right[i][c] -= lower[i][k] * right[k][c];
      right[i][c] /= lower[i][i];
    }
    for (int i = kTerms - 1; i >= 0; --i) {
      for (int k = i + 1; k < kTerms; ++k) right[i][c] -= lower[k][i] * right[k][c];
      right[i][c] /= lower[i][i];
      finite = finite && std::isfinite(right[i][c]);
    }
    for (int i = 0; i < kTerms; ++i) coefficients[i * 3 + c] += right[i][c];
  }
  return finite;
}

}  // namespace iph
