#include <algorithm>
#include <cstring>
#include <vector>

#include "common/parallel.h"
#include "polynomial/kernels.h"

namespace iph {
namespace {

constexpr int kReach = 2;  // cells that the blur reaches: some 40 pixels, wider than the soft edge of a segmenter's mask

// True for each cell of one row of cells with a pixel neither fully in nor fully out, or with some of both.
void mark_edges(const uint8_t* alpha, ptrdiff_t stride, int64_t rows, int64_t width, uint8_t* marks, int64_t cells) {
  for (int64_t cell = 0; cell < cells; ++cell) {
    const int64_t x = cell * kEdgeCell;
    uint8_t any = 0, all = 255;
    if (x + kEdgeCell <= width) {
      uint64_t any8 = 0, all8 = ~uint64_t{0};
      for (int64_t y = 0; y < rows; ++y) {
        uint64_t eight[kEdgeCell / 8];
        std::memcpy(eight, alpha + y * stride + x, sizeof(eight));
        for (const uint64_t part : eight) {
          any8 |= part;
          all8 &= part;
        }
      }
      any = any8 != 0;
      all = all8 == ~uint64_t{0} ? 255 : 0;
    } else {
      for (int64_t y = 0; y < rows; ++y) {
        for (int64_t i = x; i < width; ++i) {
          any |= alpha[y * stride + i];
          all &= alpha[y * stride + i];
        }
      }
    }
    marks[cell] = any != 0 && all != 255;
  }
}

// A mark spreads to the cells within `reach`, along a row and then across rows.
void spread(const std::vector<uint8_t>& from, std::vector<uint8_t>& to, int64_t height, int64_t width, int64_t reach) {
  std::vector<uint8_t> along(from.size(), 0);
  to.assign(from.size(), 0);
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      if (!from[y * width + x]) continue;
      const int64_t first = std::max<int64_t>(0, x - reach), last = std::min(width - 1, x + reach);
      std::memset(along.data() + y * width + first, 1, static_cast<size_t>(last - first + 1));
    }
  }
  for (int64_t y = 0; y < height; ++y) {
    const uint8_t* row = along.data() + y * width;
    for (int64_t v = std::max<int64_t>(0, y - reach); v <= std::min(height - 1, y + reach); ++v) {
      uint8_t* out = to.data() + v * width;
      for (int64_t x = 0; x < width; ++x) out[x] |= row[x];
    }
  }
}

// Tent-weighted sum of the cells around (y, x), then the two quotients.
void estimate(const float* sums, int64_t height, int64_t width, int64_t y, int64_t x, float* values) {
  float total[8] = {};
  for (int64_t v = std::max<int64_t>(0, y - kReach); v <= std::min(height - 1, y + kReach); ++v) {
    const float vertical = static_cast<float>(kReach + 1 - std::abs(static_cast<int>(v - y)));
    for (int64_t u = std::max<int64_t>(0, x - kReach); u <= std::min(width - 1, x + kReach); ++u) {
      const float weight = vertical * static_cast<float>(kReach + 1 - std::abs(static_cast<int>(u - x)));
      const float* cell = sums + (v * width + u) * 8;
      for (int k = 0; k < 8; ++k) total[k] += weight * cell[k];
    }
  }
  for (int side = 0; side < 2; ++side) {
    const float weight = total[side * 4 + 3];
    for (int c = 0; c < 3; ++c) values[(y * 6 + side * 3 + c) * width + x] = weight > 0.0f ? total[side * 4 + c] / weight : 0.0f;
  }
}

}  // namespace

void edge_colors(const uint8_t* image, ptrdiff_t image_stride, const uint8_t* alpha, ptrdiff_t alpha_stride, int64_t height,
                 int64_t width, float* values, int threads) {
  const int64_t cell_rows = (height + kEdgeCell - 1) / kEdgeCell, cells = (width + kEdgeCell - 1) / kEdgeCell;
  // Kept from frame to frame; a cell of `sums` is read only if this call wrote it.
  thread_local std::vector<uint8_t> edges, wanted, summed;
  thread_local std::vector<float> sums;
  edges.resize(static_cast<size_t>(cell_rows * cells));
  sums.resize(edges.size() * 8);
  uint8_t* const marks = edges.data();
  float* const all_sums = sums.data();
  const auto rows_of = [&](int64_t row) { return std::min<int64_t>(kEdgeCell, height - row * kEdgeCell); };

  parallel_rows(cell_rows, threads, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      mark_edges(alpha + row * kEdgeCell * alpha_stride, alpha_stride, rows_of(row), width, marks + row * cells, cells);
    }
  }, 16);
  spread(edges, wanted, cell_rows, cells, 1);  // bilinear interpolation reads the neighbours
  spread(edges, summed, cell_rows, cells, 1 + kReach);
  const uint8_t* const needs_value = wanted.data();
  const uint8_t* const needs_sum = summed.data();

  const Kernels& k = kernels();
  parallel_rows(cell_rows, threads, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const uint8_t* need = needs_sum + row * cells;
      for (int64_t cell = 0; cell < cells;) {
        if (!need[cell]) { ++cell; continue; }
        int64_t last = cell;
        while (last < cells && need[last]) ++last;
        k.edge_cells(image + row * kEdgeCell * image_stride, image_stride, alpha + row * kEdgeCell * alpha_stride,
                     alpha_stride, rows_of(row), width, cell, last, all_sums + row * cells * 8);
        cell = last;
      }
    }
  }, 4);
  parallel_rows(cell_rows, threads, [&](int64_t begin, int64_t end) {
    std::memset(values + begin * 6 * cells, 0, static_cast<size_t>((end - begin) * 6 * cells) * sizeof(float));
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t cell = 0; cell < cells; ++cell) {
        if (needs_value[row * cells + cell]) estimate(all_sums, cell_rows, cells, row, cell, values);
      }
    }
  }, 4);
}

}  // namespace iph
