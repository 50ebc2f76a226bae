// Sums over cells at a soft edge; part of kernels.inl.

static inline void add_edge_pixel(const uint8_t* pixel, uint8_t alpha, float* cell) {
  const float a = static_cast<float>(alpha) * (1.0f / 255.0f), front = a * a, back = (1.0f - a) * (1.0f - a);
  for (int c = 0; c < 3; ++c) {
    cell[c] += front * static_cast<float>(pixel[c]);
    cell[4 + c] += back * static_cast<float>(pixel[c]);
  }
  cell[3] += front;
  cell[7] += back;
}

// Cells taken together: enough to fill a vector.
constexpr int kCells = kLanes > kEdgeCell ? kLanes / kEdgeCell : 1;

static inline void add_edge_cells(const uint8_t* image, ptrdiff_t image_stride, const uint8_t* alpha, ptrdiff_t alpha_stride,
                                  int64_t rows, float* cells) {
  constexpr int vectors = kCells * kEdgeCell / kLanes;
  F acc[8];
  alignas(64) float lanes[8][kCells * kEdgeCell];
  for (int v = 0; v < vectors; ++v) {
    for (int k = 0; k < 8; ++k) acc[k] = broadcast(0.0f);
    for (int64_t y = 0; y < rows; ++y) {
      const F a = load_alpha(alpha + y * alpha_stride + v * kLanes) * broadcast(1.0f / 255.0f), rest = broadcast(1.0f) - a;
      F color[3];
      load3(image + y * image_stride + 3 * kLanes * v, color[0], color[1], color[2]);
      const F front = a * a, back = rest * rest;
      for (int c = 0; c < 3; ++c) {
        acc[c] = fma(front, color[c], acc[c]);
        acc[4 + c] = fma(back, color[c], acc[4 + c]);
      }
      acc[3] = acc[3] + front;
      acc[7] = acc[7] + back;
    }
    for (int k = 0; k < 8; ++k) store(lanes[k] + v * kLanes, acc[k]);
  }
  for (int cell = 0; cell < kCells; ++cell) {
    for (int k = 0; k < 8; ++k) {
      const float* lane = lanes[k] + cell * kEdgeCell;
      float sum[4] = {};
      for (int i = 0; i < kEdgeCell; ++i) sum[i % 4] += lane[i];
      cells[cell * 8 + k] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }
  }
}

static void edge_cells(const uint8_t* image, ptrdiff_t image_stride, const uint8_t* alpha, ptrdiff_t alpha_stride, int64_t rows,
                       int64_t width, int64_t begin, int64_t end, float* cells) {
  int64_t cell = begin;
  for (; cell + kCells <= end && (cell + kCells) * kEdgeCell + kSlack <= width; cell += kCells) {
    const int64_t x = cell * kEdgeCell;
    add_edge_cells(image + 3 * x, image_stride, alpha + x, alpha_stride, rows, cells + cell * 8);
  }
  for (; cell < end; ++cell) {
    float* sums = cells + cell * 8;
    for (int k = 0; k < 8; ++k) sums[k] = 0.0f;
    const int64_t last = std::min((cell + 1) * kEdgeCell, width);
    for (int64_t y = 0; y < rows; ++y) {
      for (int64_t x = cell * kEdgeCell; x < last; ++x) {
        add_edge_pixel(image + y * image_stride + 3 * x, alpha[y * alpha_stride + x], sums);
      }
    }
  }
}
