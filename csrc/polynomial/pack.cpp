#include "polynomial/polynomial.h"

namespace iph {
namespace {

// Index of the RGB term for each term of (x, y, z) when x, y, z are blue, green, red.
constexpr int kMirrored[kTerms] = {2, 1, 0, 5, 4, 3, 8, 7, 6, 9, 10};
constexpr int kDegree[kTerms] = {1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 0};

double power_of_255(int exponent) {
  double value = 1.0;
  for (; exponent > 0; --exponent) value *= 255.0;
  for (; exponent < 0; ++exponent) value /= 255.0;
  return value;
}

}  // namespace

PackedPolynomial pack_polynomial(const double* coefficients, const double* center, const double* precision, bool bgr) {
  PackedPolynomial packed;
  for (int channel = 0; channel < 3; ++channel) {
    const int rgb_channel = bgr ? 2 - channel : channel;
    for (int term = 0; term < kTerms; ++term) {
      const int rgb_term = bgr ? kMirrored[term] : term;
      const double identity = rgb_term == rgb_channel ? 1.0 : 0.0;
      const double delta = coefficients[rgb_term * 3 + rgb_channel] - identity;
      packed.delta[channel][term] = static_cast<float>(delta * power_of_255(1 - kDegree[term]));
    }
  }
  // d^2 = x^T Q x - 2 c^T Q x + c^T Q c, in the order of the image.
  double q[3][3], c[3];
  for (int i = 0; i < 3; ++i) {
    const int from = bgr ? 2 - i : i;
    c[i] = center[from];
    for (int j = 0; j < 3; ++j) q[i][j] = precision[from * 3 + (bgr ? 2 - j : j)];
  }
  double linear[3], constant = 0.0;
  for (int i = 0; i < 3; ++i) {
    linear[i] = 0.0;
    for (int j = 0; j < 3; ++j) linear[i] -= (q[i][j] + q[j][i]) * c[j];
    constant -= 0.5 * linear[i] * c[i];
  }
  const double distance[kTerms - 1] = {linear[0], linear[1], linear[2], q[0][1] + q[1][0], q[0][2] + q[2][0],
                                       q[1][2] + q[2][1], q[0][0], q[1][1], q[2][2], constant};
  const double inner = kGuardInner * kGuardInner, outer = kGuardOuter * kGuardOuter, range = outer - inner;
  for (int term = 0; term < kTerms - 1; ++term) {
    const int degree = term == 9 ? 0 : kDegree[term];
    packed.falloff[term] = static_cast<float>(-distance[term] / range * power_of_255(-degree));
  }
  packed.falloff[9] = static_cast<float>((outer - constant) / range);
  return packed;
}

}  // namespace iph
