// Weighted moments and the ridge solve; formulas in polynomial.h.
#pragma once
#include <cstddef>
#include <cstdint>

namespace iph {

enum class MomentsResult { ok, bad_weight, not_finite };

// source, target: 3 planes of `pixels` floats (planar RGB), each plane dense; weight: `pixels` floats >= 0.
// Fills ata (11 x 11, symmetric) and atb (11 x 3), row-major. Pixels of weight 0 in a block of weights 0 are not read.
MomentsResult moments(const float* const source[3], const float* const target[3], const float* weight, int64_t pixels,
                      double* ata, double* atb);

// Fills coefficients (11 x 3). A weight (ata[120]) of 0 gives the identity. False if the system cannot be solved (not finite,
// or ridge = 0 and too few colours).
bool solve_ridge(const double* ata, const double* atb, double ridge, double* coefficients);

}  // namespace iph
