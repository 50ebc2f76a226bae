#include "matte/confidence.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "matte/dispatch.h"

namespace iph {
namespace {

struct Part {
  int cells = 0;
  int solid = 0;  // cells above 0.5
  bool touches_border = false;
};

// Labels of touching cells whose `inside` is set; label 0 is outside, part i has label i + 1.
class Parts {
 public:
  std::vector<uint8_t> inside;
  std::vector<int> labels;
  std::vector<Part> parts;

  void find(const float* confidence, int h, int w, bool corners) {
    labels.assign(inside.size(), 0);
    parts.clear();
    for (int start = 0; start < h * w; ++start) {
      if (inside[start] && labels[start] == 0) fill(confidence, h, w, corners, start);
    }
  }

 private:
  std::vector<int> open_;

  void fill(const float* confidence, int h, int w, bool corners, int start) {
    parts.emplace_back();
    Part& part = parts.back();
    const int label = static_cast<int>(parts.size());
    open_.assign(1, start);
    labels[start] = label;
    while (!open_.empty()) {
      const int cell = open_.back(), y = cell / w, x = cell % w;
      open_.pop_back();
      ++part.cells;
      part.solid += confidence[cell] > 0.5f;
      part.touches_border |= y == 0 || x == 0 || y == h - 1 || x == w - 1;
      for (int dy = -1; dy <= 1; ++dy) {
        for (int dx = -1; dx <= 1; ++dx) {
          if (!corners && dx != 0 && dy != 0) continue;
          const int ny = y + dy, nx = x + dx;
          if (ny < 0 || nx < 0 || ny >= h || nx >= w) continue;
          const int next = ny * w + nx;
          if (!inside[next] || labels[next] != 0) continue;
          labels[next] = label;
          open_.push_back(next);
        }
      }
    }
  }
};

// share[x]: how much of the new value is taken; difference: 3 padded rows (w + 2 cells x 3) of guide - guide_state.
IPH_INLINE void share_row_body(const float* IPH_RESTRICT above, const float* IPH_RESTRICT here, const float* IPH_RESTRICT below, int w,
                               float rest, float low, float scale, float* IPH_RESTRICT share) {
  for (int x = 0; x < w; ++x) {
    float motion = 0.0f;
    for (int c = 0; c < 3; ++c) {
      float sum = 0.0f;
      for (int d = 0; d < 3; ++d) sum += above[3 * (x + d) + c] + here[3 * (x + d) + c] + below[3 * (x + d) + c];
      motion = std::max(motion, std::fabs(sum) * (1.0f / 9.0f));
    }
    share[x] = rest + (1.0f - rest) * std::min(std::max((motion - low) * scale, 0.0f), 1.0f);
  }
}
IPH_DISPATCH(share_row, share_row_body,
             (const float* above, const float* here, const float* below, int w, float rest, float low, float scale, float* share),
             (above, here, below, w, rest, low, scale, share))

IPH_INLINE void take_row_body(const float* IPH_RESTRICT share, const uint8_t* IPH_RESTRICT guide, int w, float* IPH_RESTRICT confidence,
                              float* IPH_RESTRICT confidence_state, float* IPH_RESTRICT guide_state) {
  for (int x = 0; x < w; ++x) {
    const float value = confidence_state[x] + share[x] * (confidence[x] - confidence_state[x]);
    confidence[x] = confidence_state[x] = value;
    for (int c = 0; c < 3; ++c) guide_state[3 * x + c] += share[x] * (guide[3 * x + c] - guide_state[3 * x + c]);
  }
}
IPH_DISPATCH(take_row, take_row_body,
             (const float* share, const uint8_t* guide, int w, float* confidence, float* confidence_state, float* guide_state),
             (share, guide, w, confidence, confidence_state, guide_state))

}  // namespace

void clean_confidence(float* confidence, int h, int w, float floor, float keep_fraction, int max_hole) {
  static thread_local Parts found;  // its buffers are kept between frames
  const size_t cells = static_cast<size_t>(h) * w;
  found.inside.resize(cells);

  for (size_t i = 0; i < cells; ++i) found.inside[i] = confidence[i] > floor;
  found.find(confidence, h, w, true);
  int largest = 0;
  for (const Part& part : found.parts) largest = std::max(largest, part.solid);
  for (size_t i = 0; i < cells; ++i) {
    const int label = found.labels[i];
    if (label == 0) continue;
    const int solid = found.parts[label - 1].solid;
    if (solid == 0 || static_cast<float>(solid) < keep_fraction * static_cast<float>(largest)) confidence[i] = 0.0f;
  }

  for (size_t i = 0; i < cells; ++i) found.inside[i] = confidence[i] < 1.0f - floor;
  found.find(confidence, h, w, false);
  for (size_t i = 0; i < cells; ++i) {
    const int label = found.labels[i];
    if (label == 0) continue;
    const Part& part = found.parts[label - 1];
    if (!part.touches_border && part.cells <= max_hole) confidence[i] = 1.0f;
  }
}

void steady_confidence(float* confidence, const uint8_t* guide, int h, int w, float rest, float motion_low, float motion_high,
                       float* confidence_state, float* guide_state) {
  static thread_local std::vector<float> differences, shares;
  const size_t padded = 3 * (static_cast<size_t>(w) + 2);
  differences.assign(padded * (h + 2), 0.0f);  // outside the picture nothing moves
  shares.resize(w);
  for (int y = 0; y < h; ++y) {
    float* row = differences.data() + padded * (y + 1) + 3;
    const size_t first = 3 * static_cast<size_t>(y) * w;
    for (int i = 0; i < 3 * w; ++i) row[i] = static_cast<float>(guide[first + i]) - guide_state[first + i];
  }
  for (int y = 0; y < h; ++y) {
    const size_t row = static_cast<size_t>(y) * w;
    const float* above = differences.data() + padded * y;
    share_row(above, above + padded, above + 2 * padded, w, rest, motion_low, 1.0f / (motion_high - motion_low), shares.data());
    take_row(shares.data(), guide + 3 * row, w, confidence + row, confidence_state + row, guide_state + 3 * row);
  }
}

}  // namespace iph
