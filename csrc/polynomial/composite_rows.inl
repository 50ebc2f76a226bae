// The fused pass over rows of pixels; part of kernels.inl.

constexpr int kTogether = 2;
constexpr int kStep = kTogether * kLanes;
constexpr int kBlock = 64;  // pixels looked at together: all transparent, all opaque, or mixed

struct Pixels {
  F x, y, z;
};

static inline F c(float value) { return broadcast(value); }

// x + g(d^2) (P(x) - x), not clamped, for kTogether vectors of pixels: each coefficient is loaded once for all of them.
// 10 products for each channel, factored as Horner's rule does it.
static inline void harmonize(const PackedPolynomial& p, Pixels (&pixels)[kTogether]) {
#define IPH_EACH for (int u = 0; u < kTogether; ++u)
  const auto cubic = [&](const float* d, F (&r)[kTogether]) {
    F by_x[kTogether], more[kTogether];
    IPH_EACH by_x[u] = fma(pixels[u].z, c(d[9]), c(d[3]));
    IPH_EACH more[u] = fma(pixels[u].z, c(d[4]), c(d[0]));
    IPH_EACH more[u] = fma(pixels[u].x, c(d[6]), more[u]);
    IPH_EACH by_x[u] = fma(by_x[u], pixels[u].y, more[u]);
    F by_y[kTogether], by_z[kTogether];
    IPH_EACH by_y[u] = fma(pixels[u].z, c(d[5]), c(d[1]));
    IPH_EACH by_y[u] = fma(pixels[u].y, c(d[7]), by_y[u]);
    IPH_EACH by_z[u] = fma(pixels[u].z, c(d[8]), c(d[2]));
    IPH_EACH r[u] = fma(pixels[u].z, by_z[u], c(d[10]));
    IPH_EACH r[u] = fma(pixels[u].y, by_y[u], r[u]);
    IPH_EACH r[u] = fma(pixels[u].x, by_x[u], r[u]);
  };
  const float* f = p.falloff;
  F guard[kTogether], by[kTogether];
  IPH_EACH by[u] = fma(pixels[u].z, c(f[8]), c(f[2]));
  IPH_EACH guard[u] = fma(pixels[u].z, by[u], c(f[9]));
  IPH_EACH by[u] = fma(pixels[u].z, c(f[5]), c(f[1]));
  IPH_EACH by[u] = fma(pixels[u].y, c(f[7]), by[u]);
  IPH_EACH guard[u] = fma(pixels[u].y, by[u], guard[u]);
  IPH_EACH by[u] = fma(pixels[u].z, c(f[4]), c(f[0]));
  IPH_EACH by[u] = fma(pixels[u].y, c(f[3]), by[u]);
  IPH_EACH by[u] = fma(pixels[u].x, c(f[6]), by[u]);
  IPH_EACH guard[u] = fma(pixels[u].x, by[u], guard[u]);
  IPH_EACH guard[u] = min(max(guard[u], c(0.0f)), c(1.0f));
  IPH_EACH guard[u] = guard[u] * guard[u] * fma(guard[u], c(-2.0f), c(3.0f));
  F x[kTogether], y[kTogether], z[kTogether];
  cubic(p.delta[0], x);
  cubic(p.delta[1], y);
  cubic(p.delta[2], z);
  IPH_EACH pixels[u] = {fma(guard[u], x[u], pixels[u].x), fma(guard[u], y[u], pixels[u].y), fma(guard[u], z[u], pixels[u].z)};
#undef IPH_EACH
}

static inline F clamp255(F a) { return min(max(a, broadcast(0.0f)), broadcast(255.0f)); }

static inline void opaque(const PackedPolynomial& p, const uint8_t* foreground, uint8_t* out) {
  Pixels in[kTogether];
  for (int u = 0; u < kTogether; ++u) load3(foreground + 3 * kLanes * u, in[u].x, in[u].y, in[u].z);
  harmonize(p, in);
  for (int u = 0; u < kTogether; ++u) store3(out + 3 * kLanes * u, in[u].x, in[u].y, in[u].z);
}

// I -> clamp(F^ + a (I - a F^ - (1 - a) B^)) where rest = 1 - a > 0. a = 1 must leave a pixel as it is, to the last bit.
static inline F decontaminate(F own, F a, F rest, const float* front_plane) {
  const F front = load(front_plane), back = load(front_plane + 3 * kBlock);
  const F clean = clamp255(fma(a, own - fma(a, front, rest * back), front));
  return fma(keep_where_positive(broadcast(1.0f), rest), clean - own, own);
}

// `clean`: null, or 6 planes kBlock apart of F^ and B^ for these pixels.
static inline void mixed(const PackedPolynomial& p, const uint8_t* foreground, const uint8_t* alpha, const uint8_t* background,
                         const float* clean, uint8_t* out) {
  Pixels in[kTogether];
  for (int u = 0; u < kTogether; ++u) {
    load3(foreground + 3 * kLanes * u, in[u].x, in[u].y, in[u].z);
    if (clean) {
      const F a = load_alpha(alpha + kLanes * u) * broadcast(1.0f / 255.0f), rest = broadcast(1.0f) - a;
      in[u].x = decontaminate(in[u].x, a, rest, clean + kLanes * u);
      in[u].y = decontaminate(in[u].y, a, rest, clean + kLanes * u + kBlock);
      in[u].z = decontaminate(in[u].z, a, rest, clean + kLanes * u + 2 * kBlock);
    }
  }
  harmonize(p, in);
  for (int u = 0; u < kTogether; ++u) {
    const F a = load_alpha(alpha + kLanes * u) * broadcast(1.0f / 255.0f), rest = broadcast(1.0f) - a;
    Pixels behind;
    load3(background + 3 * kLanes * u, behind.x, behind.y, behind.z);
    store3(out + 3 * kLanes * u, fma(a, clamp255(in[u].x), rest * behind.x), fma(a, clamp255(in[u].y), rest * behind.y),
           fma(a, clamp255(in[u].z), rest * behind.z));
  }
}

enum class Kind { transparent, opaque, mixed };

static inline Kind classify(const uint8_t* alpha, int64_t count) {
  uint8_t any = 0, all = 255;
  for (int64_t i = 0; i < count; ++i) {
    any |= alpha[i];
    all &= alpha[i];
  }
  return any == 0 ? Kind::transparent : all == 255 ? Kind::opaque : Kind::mixed;
}

// Shares of the three nearest cells in pixel k of the middle one. Pixel centres lie at (k + 0.5) / kEdgeCell - 0.5 from
// the middle of the cell, in cells.
struct Shares {
  float left[kEdgeCell], middle[kEdgeCell], right[kEdgeCell];
};
static constexpr Shares shares() {
  Shares s{};
  for (int k = 0; k < kEdgeCell; ++k) {
    const float offset = (static_cast<float>(k) + 0.5f) / kEdgeCell - 0.5f;
    s.left[k] = offset < 0.0f ? -offset : 0.0f;
    s.right[k] = offset > 0.0f ? offset : 0.0f;
    s.middle[k] = 1.0f - s.left[k] - s.right[k];
  }
  return s;
}
constexpr Shares kShares = shares();

// F^ and B^ of one row of pixels: the cells above and below interpolated once, when the first mixed block asks.
class EdgeRow {
 public:
  explicit EdgeRow(const EdgeView& view) : view_(view) {
    if (view.values) cells_.resize(static_cast<size_t>(6 * (view.width + 2)));
  }
  bool empty() const { return view_.values == nullptr; }
  void start(int64_t y) { y_ = y, ready_ = false; }

  // Planes kBlock apart for the pixels [x, x + kBlock) of the row; x is a multiple of kBlock.
  void fill(int64_t x, float* planes) {
    if (!ready_) interpolate();
    const int64_t first = x / kEdgeCell;
    for (int p = 0; p < 6; ++p) {
      const float* row = cells_.data() + p * (view_.width + 2) + 1;
      for (int64_t c = 0; c < kBlock / kEdgeCell; ++c) {
        const int64_t cell = std::min(first + c, view_.width - 1);
        const float left = row[cell - 1], middle = row[cell], right = row[cell + 1];
        float* to = planes + p * kBlock + c * kEdgeCell;
        for (int k = 0; k < kEdgeCell; ++k) {
          to[k] = left * kShares.left[k] + middle * kShares.middle[k] + right * kShares.right[k];
        }
      }
    }
  }

 private:
  void interpolate() {
    const int64_t cell = y_ / kEdgeCell, k = y_ % kEdgeCell, w = view_.width;
    const int64_t other = std::clamp<int64_t>(k < kEdgeCell / 2 ? cell - 1 : cell + 1, 0, view_.height - 1);
    const float share = kShares.middle[k];
    for (int p = 0; p < 6; ++p) {
      const float* near = view_.values + (cell * 6 + p) * w;
      const float* far = view_.values + (other * 6 + p) * w;
      float* row = cells_.data() + p * (w + 2) + 1;
      for (int64_t i = 0; i < w; ++i) row[i] = far[i] + (near[i] - far[i]) * share;
      row[-1] = row[0];
      row[w] = row[w - 1];
    }
    ready_ = true;
  }

  const EdgeView view_;
  std::vector<float> cells_;
  int64_t y_ = 0;
  bool ready_ = false;
};

static inline void opaque_run(const PackedPolynomial& p, const uint8_t* foreground, uint8_t* out, int64_t count) {
  int64_t i = 0;
  for (; i + kStep + kSlack <= count; i += kStep) opaque(p, foreground + 3 * i, out + 3 * i);
  for (; i < count; i += kStep) {
    const size_t bytes = static_cast<size_t>(3 * std::min<int64_t>(kStep, count - i));
    uint8_t scratch[3 * (kStep + kSlack)] = {};
    std::memcpy(scratch, foreground + 3 * i, bytes);
    opaque(p, scratch, scratch);
    std::memcpy(out + 3 * i, scratch, bytes);
  }
}

static inline void mixed_run(const PackedPolynomial& p, const uint8_t* foreground, const uint8_t* alpha,
                             const uint8_t* background, const float* clean, uint8_t* out, int64_t count) {
  int64_t i = 0;
  for (; i + kStep + kSlack <= count; i += kStep) {
    mixed(p, foreground + 3 * i, alpha + i, background + 3 * i, clean ? clean + i : nullptr, out + 3 * i);
  }
  for (; i < count; i += kStep) {
    const size_t pixels = static_cast<size_t>(std::min<int64_t>(kStep, count - i));
    uint8_t front[3 * (kStep + kSlack)] = {}, back[3 * (kStep + kSlack)] = {}, a[kStep] = {};
    std::memcpy(front, foreground + 3 * i, 3 * pixels);
    std::memcpy(back, background + 3 * i, 3 * pixels);
    std::memcpy(a, alpha + i, pixels);
    mixed(p, front, a, back, clean ? clean + i : nullptr, back);
    std::memcpy(out + 3 * i, back, 3 * pixels);
  }
}

static void composite_rows(const Composite& job, int64_t begin, int64_t end) {
  EdgeRow edge(job.edge);
  alignas(64) float clean[6 * kBlock];
  for (int64_t y = begin; y < end; ++y) {
    const uint8_t* foreground = job.foreground + y * job.foreground_stride;
    uint8_t* out = job.out + y * job.out_stride;
    if (!job.alpha) {
      opaque_run(job.polynomial, foreground, out, job.width);
      continue;
    }
    const uint8_t* alpha = job.alpha + y * job.alpha_stride;
    const uint8_t* background = job.background + y * job.background_stride;
    edge.start(y);
    for (int64_t x = 0; x < job.width;) {
      int64_t count = std::min<int64_t>(kBlock, job.width - x);
      const Kind kind = classify(alpha + x, count);
      if (kind == Kind::mixed) {
        if (!edge.empty()) edge.fill(x, clean);
        mixed_run(job.polynomial, foreground + 3 * x, alpha + x, background + 3 * x, edge.empty() ? nullptr : clean,
                  out + 3 * x, count);
      } else {
        // One long run is copied or harmonized faster than many blocks.
        while (x + count < job.width) {
          const int64_t more = std::min<int64_t>(kBlock, job.width - x - count);
          if (classify(alpha + x + count, more) != kind) break;
          count += more;
        }
        if (kind == Kind::opaque) {
          opaque_run(job.polynomial, foreground + 3 * x, out + 3 * x, count);
        } else if (out != background) {
          std::memcpy(out + 3 * x, background + 3 * x, static_cast<size_t>(3 * count));
        }
      }
      x += count;
    }
  }
}
