// Runs every kernel on buffers of exactly the size they may touch, under the sanitizers, and compares the results of threads
// and instruction sets. Exit status 0 and "ok" if nothing was found.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "common/cpu.h"
#include "common/parallel.h"
#include "polynomial/fit.h"
#include "polynomial/polynomial.h"

namespace {

std::mt19937 random_bits(1);

std::vector<uint8_t> bytes(size_t count) {
  std::vector<uint8_t> result(count);
  for (uint8_t& value : result) value = static_cast<uint8_t>(random_bits());
  return result;
}

std::vector<float> floats(size_t count) {
  std::vector<float> result(count);
  for (float& value : result) value = static_cast<float>(random_bits() & 0xFFFF) / 65535.0f;
  return result;
}

void require(bool condition, const char* what) {
  if (condition) return;
  std::printf("failed: %s\n", what);
  std::exit(1);
}

constexpr double kCenter[3] = {0.5, 0.4, 0.6}, kPrecision[9] = {80, 1, 2, 1, 90, 3, 2, 3, 70};

std::vector<double> some_coefficients() {
  std::vector<double> coefficients(33);
  for (int i = 0; i < 33; ++i) coefficients[i] = (i % 4 == 0 && i < 9 ? 1.0 : 0.0) + 0.03 * (i % 7) - 0.09;
  return coefficients;
}

// The formula of polynomial.h for one BGR pixel, in double.
void expected_pixel(const uint8_t* front, const uint8_t* back, double alpha, double* out) {
  const std::vector<double> coefficients = some_coefficients();
  const double r = front[2] / 255.0, g = front[1] / 255.0, b = front[0] / 255.0, x[3] = {r, g, b};
  const double phi[11] = {r, g, b, r * g, r * b, g * b, r * r, g * g, b * b, r * g * b, 1.0};
  double d2 = 0.0;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) d2 += (x[i] - kCenter[i]) * kPrecision[3 * i + j] * (x[j] - kCenter[j]);
  const double t = std::min(1.0, std::max(0.0, (81.0 - d2) / (81.0 - 20.25))), guard = t * t * (3.0 - 2.0 * t);
  for (int c = 0; c < 3; ++c) {
    double value = 0.0;
    for (int i = 0; i < 11; ++i) value += phi[i] * coefficients[3 * i + c];
    value = std::min(1.0, std::max(0.0, x[c] + guard * (value - x[c])));
    out[2 - c] = alpha * 255.0 * value + (1.0 - alpha) * back[2 - c];
  }
}

// Rows 0 or 5 bytes apart; the last row ends where its last pixel ends.
void composite_of_size(int64_t height, int64_t width, int gap) {
  const ptrdiff_t stride = 3 * width + gap, alpha_stride = width + gap;
  const size_t size = static_cast<size_t>((height - 1) * stride + 3 * width);
  const std::vector<uint8_t> front = bytes(size), back = bytes(size);
  std::vector<uint8_t> alpha = bytes(static_cast<size_t>((height - 1) * alpha_stride + width));
  for (size_t i = 0; i < alpha.size(); ++i) {
    if (i / 100 % 3) alpha[i] = i / 100 % 3 == 1 ? 0 : 255;
  }
  const int64_t rows = (height + iph::kEdgeCell - 1) / iph::kEdgeCell, cells = (width + iph::kEdgeCell - 1) / iph::kEdgeCell;
  std::vector<float> edge(static_cast<size_t>(rows * 6 * cells));
  iph::edge_colors(front.data(), stride, alpha.data(), alpha_stride, height, width, edge.data(), 2);

  for (const bool with_alpha : {true, false}) {
    for (const bool with_edge : {true, false}) {
      std::vector<uint8_t> one(size, 7), two(size, 7);
      iph::Composite job{};
      job.foreground = front.data();
      job.foreground_stride = job.background_stride = job.out_stride = stride;
      job.alpha_stride = alpha_stride;
      if (with_alpha) job.alpha = alpha.data(), job.background = back.data();
      job.height = height;
      job.width = width;
      job.polynomial = iph::pack_polynomial(some_coefficients().data(), kCenter, kPrecision, true);
      if (with_edge) job.edge = {edge.data(), rows, cells};
      job.out = one.data();
      iph::apply_composite(job, 1);
      job.out = two.data();
      iph::apply_composite(job, 3);
      require(one == two, "the same bytes for one thread and three");
      for (int64_t y = 0; y < height && !with_edge; ++y) {
        for (int64_t x = 0; x < width; ++x) {
          double exact[3];
          const size_t at = static_cast<size_t>(y * stride + 3 * x);
          const double a = with_alpha ? alpha[static_cast<size_t>(y * alpha_stride + x)] / 255.0 : 1.0;
          expected_pixel(&front[at], &back[at], a, exact);
          for (int c = 0; c < 3; ++c) require(std::abs(one[at + static_cast<size_t>(c)] - exact[c]) < 0.502, "the formula");
        }
      }
      for (int64_t y = 0; y + 1 < height; ++y) {
        for (int g = 0; g < gap; ++g) require(one[static_cast<size_t>(y * stride + 3 * width + g)] == 7, "the gap between rows is left alone");
      }
    }
  }
}

void moments_of_size(int64_t pixels) {
  std::vector<float> planes[6], weight = floats(static_cast<size_t>(pixels));
  for (auto& plane : planes) plane = floats(static_cast<size_t>(pixels));
  const float* source[3] = {planes[0].data(), planes[1].data(), planes[2].data()};
  const float* target[3] = {planes[3].data(), planes[4].data(), planes[5].data()};
  double ata[121], atb[33], coefficients[33], sum = 0.0;
  require(iph::moments(source, target, weight.data(), pixels, ata, atb) == iph::MomentsResult::ok, "finite moments");
  for (const float w : weight) sum += w;
  require(std::abs(ata[120] - sum) <= 1e-5 * sum, "the sum of the weights");
  require(iph::solve_ridge(ata, atb, 1e-4, coefficients), "a solvable system");
}

}  // namespace

int main() {
  for (const iph::CpuPath path : iph::supported_cpu_paths()) {
    iph::set_cpu_path(path);
    for (const int64_t width : {1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 66, 127, 130, 200, 333, 512}) {
      for (const int64_t height : {1, 2, 17, 40}) {
        for (const int gap : {0, 5}) composite_of_size(height, width, gap);
      }
    }
    composite_of_size(300, 401, 3);
    for (const int64_t pixels : {1, 2, 15, 16, 17, 255, 256, 257, 2047, 2048, 2049, 5000}) moments_of_size(pixels);
  }
  // parallel_rows from within itself, and every row once.
  std::vector<int> hits(10000, 0);
  iph::parallel_rows(100, 4, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      iph::parallel_rows(100, 4, [&](int64_t b, int64_t e) {
        for (int64_t i = b; i < e; ++i) ++hits[static_cast<size_t>(row * 100 + i)];
      });
    }
  });
  for (const int hit : hits) require(hit == 1, "each row once");
  std::puts("ok");
  return 0;
}
