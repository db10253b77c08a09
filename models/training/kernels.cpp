// Forward and backward of the 20-step Sinkhorn normalisation of 4x4 matrices, 16 tokens at a time.
#include <cstdint>
#include <cmath>
#define W 16
// a: [N,16] logits row-major (j,k) ; out [N,16]
template<int IT> static void block(const float*a,float*o,const float*g,float*ga,int n,float eps){
  static thread_local float M[2*40+2][16][W]; static thread_local float R[2*40+2][4][W];
  float E[16][W];
  for(int i=0;i<16;i++)for(int t=0;t<W;t++)E[i][t]= t<n? a[t*16+i]:0.f;
  // softmax rows
  for(int j=0;j<4;j++)for(int t=0;t<W;t++){float m=E[j*4][t];for(int k=1;k<4;k++)m=E[j*4+k][t]>m?E[j*4+k][t]:m;float s=0;for(int k=0;k<4;k++){E[j*4+k][t]=expf(E[j*4+k][t]-m);s+=E[j*4+k][t];}
    for(int k=0;k<4;k++){E[j*4+k][t]/=s;}}
  float S[16][W]; for(int i=0;i<16;i++)for(int t=0;t<W;t++){S[i][t]=E[i][t];M[0][i][t]=E[i][t]+eps;}
  int st=0; // M[st] current
  for(int it=0;it<IT;it++){
    if(it){ for(int j=0;j<4;j++)for(int t=0;t<W;t++){float s=M[st][j*4][t]+M[st][j*4+1][t]+M[st][j*4+2][t]+M[st][j*4+3][t]+eps;R[st][j][t]=1.f/s;}
      for(int j=0;j<4;j++)for(int k=0;k<4;k++)for(int t=0;t<W;t++)M[st+1][j*4+k][t]=M[st][j*4+k][t]*R[st][j][t]; st++; }
    for(int k=0;k<4;k++)for(int t=0;t<W;t++){float s=M[st][k][t]+M[st][4+k][t]+M[st][8+k][t]+M[st][12+k][t]+eps;R[st][k][t]=1.f/s;}
    for(int j=0;j<4;j++)for(int k=0;k<4;k++)for(int t=0;t<W;t++)M[st+1][j*4+k][t]=M[st][j*4+k][t]*R[st][k][t]; st++;
  }
  if(o) for(int i=0;i<16;i++)for(int t=0;t<n;t++)o[t*16+i]=M[st][i][t];
  if(g){ float G[16][W]; for(int i=0;i<16;i++)for(int t=0;t<W;t++)G[i][t]=t<n?g[t*16+i]:0.f;
    for(int s=st-1;s>=0;s--){ bool col = (s%2==0); // s=0 col, then row(1), col(2), ...
      for(int q=0;q<4;q++)for(int t=0;t<W;t++){ float d=0; for(int p=0;p<4;p++){int i=col?p*4+q:q*4+p; d+=G[i][t]*M[s+1][i][t];}
        for(int p=0;p<4;p++){int i=col?p*4+q:q*4+p; G[i][t]=(G[i][t]-d)*R[s][q][t];} } }
    for(int j=0;j<4;j++)for(int t=0;t<W;t++){float d=0;for(int k=0;k<4;k++)d+=G[j*4+k][t]*S[j*4+k][t];for(int k=0;k<4;k++)G[j*4+k][t]=(G[j*4+k][t]-d)*S[j*4+k][t];}
    for(int i=0;i<16;i++)for(int t=0;t<n;t++)ga[t*16+i]=G[i][t]; }
}
extern "C" void sinkhorn(const float*a,float*o,const float*g,float*ga,int64_t N,float eps){ for(int64_t i=0;i<N;i+=W){int n=N-i<W?N-i:W; block<20>(a+i*16,o?o+i*16:0,g?g+i*16:0,ga?ga+i*16:0,n,eps);} }

// ---- attention weights: masked softmax with a sink, on bfloat16 scores [B, H, R, S]: R query rows from position `first` on,
// columns: window keys 0..K-1, then compressed keys. Row of position i sees max(0, i-window+1)..i and K..K+(i+1)/ratio-1.
#include <cstring>
#include <cfloat>
static inline float widen(uint16_t v) { uint32_t b = uint32_t(v) << 16; float f; std::memcpy(&f, &b, 4); return f; }
static inline uint16_t narrow(float f) { uint32_t b; std::memcpy(&b, &f, 4); return uint16_t((b + 0x7FFF + ((b >> 16) & 1)) >> 16); }

extern "C" void attention_share(const uint16_t* score, const float* sink, uint16_t* share, float* sink_share,
                                int64_t B, int64_t H, int64_t R, int64_t S, int64_t K, int64_t first, int64_t window, int64_t ratio, float scale) {
  float* e = new float[S];
  for (int64_t b = 0; b < B; b++) for (int64_t h = 0; h < H; h++) for (int64_t i = first; i < first + R; i++) {
    const int64_t row = (b * H + h) * R + i - first, low = i - window + 1 > 0 ? i - window + 1 : 0, seen = ratio ? (i + 1) / ratio : 0;
    const uint16_t* s = score + row * S;
    uint16_t* p = share + row * S;
    const int64_t from[2] = {low, K}, to[2] = {i + 1, K + seen};
    float top = -FLT_MAX, sum = 0;
    for (int k = 0; k < 2; k++) for (int64_t c = from[k]; c < to[k]; c++) { float v = widen(s[c]) * scale; e[c] = v; top = v > top ? v : top; }
    for (int k = 0; k < 2; k++) for (int64_t c = from[k]; c < to[k]; c++) { float v = expf(e[c] - top); e[c] = v; sum += v; }
    const float q = expf(sink[h] - top), inverse = 1.f / (sum + q);
    sink_share[row] = q * inverse;
    std::memset(p, 0, S * 2);
    for (int k = 0; k < 2; k++) for (int64_t c = from[k]; c < to[k]; c++) p[c] = narrow(e[c] * inverse);
  }
  delete[] e;
}

// gradient: of the shares on entry, of the scores on exit (in place). sink_gradient[H] is added to.
extern "C" void attention_share_backward(const uint16_t* share, const float* sink_share, uint16_t* gradient, float* sink_gradient,
                                         int64_t B, int64_t H, int64_t R, int64_t S, int64_t K, int64_t first, int64_t window, int64_t ratio, float scale) {
  for (int64_t b = 0; b < B; b++) for (int64_t h = 0; h < H; h++) for (int64_t i = first; i < first + R; i++) {
    const int64_t row = (b * H + h) * R + i - first, low = i - window + 1 > 0 ? i - window + 1 : 0, seen = ratio ? (i + 1) / ratio : 0;
    const uint16_t* p = share + row * S;
    uint16_t* g = gradient + row * S;
    const int64_t from[2] = {low, K}, to[2] = {i + 1, K + seen};
    float dot = 0;
    for (int k = 0; k < 2; k++) for (int64_t c = from[k]; c < to[k]; c++) dot += widen(p[c]) * widen(g[c]);
    for (int k = 0; k < 2; k++) for (int64_t c = from[k]; c < to[k]; c++) g[c] = narrow(widen(p[c]) * (widen(g[c]) - dot) * scale);
    std::memset(g, 0, low * 2);
    std::memset(g + i + 1, 0, (K - i - 1) * 2);
    std::memset(g + K + seen, 0, (S - K - seen) * 2);
    sink_gradient[h] -= sink_share[row] * dot;
  }
}

// ---- residual streams, D wide, four streams, bfloat16 h [N, 4, D]
static inline float logistic(float v) { return 1.f / (1.f + expf(-v)); }

// raw [N, 24] = fn . v. Writes the normed sublayer input x [N, D], write [N, 4], mix logits [N, 16]; read [N, 4] and r, q [N] for the backward pass.
extern "C" void streams_in(const uint16_t* h, const uint16_t* raw, const float* base, const float* scale, const float* norm, uint16_t* x, float* write,
                           float* mix, float* read, float* r, float* q, int64_t N, int64_t D, float eps) {
  float* sum = new float[D];
  for (int64_t n = 0; n < N; n++) {
    const uint16_t *v = h + n * 4 * D, *z = raw + n * 24;
    float square = 0;
    for (int64_t c = 0; c < 4 * D; c++) { float f = widen(v[c]); square += f * f; }
    const float rn = 1.f / sqrtf(square / (4 * D) + eps);
    r[n] = rn;
    for (int j = 0; j < 4; j++) {
      read[n * 4 + j] = logistic(widen(z[j]) * rn * scale[0] + base[j]) + eps;
      write[n * 4 + j] = 2 * logistic(widen(z[4 + j]) * rn * scale[1] + base[4 + j]);
    }
    for (int j = 0; j < 16; j++) mix[n * 16 + j] = widen(z[8 + j]) * rn * scale[2] + base[8 + j];
    const float a0 = read[n * 4], a1 = read[n * 4 + 1], a2 = read[n * 4 + 2], a3 = read[n * 4 + 3];
    float mean = 0;
    for (int64_t c = 0; c < D; c++) { float f = a0 * widen(v[c]) + a1 * widen(v[D + c]) + a2 * widen(v[2 * D + c]) + a3 * widen(v[3 * D + c]); sum[c] = f; mean += f * f; }
    const float qn = 1.f / sqrtf(mean / D + eps);
    q[n] = qn;
    for (int64_t c = 0; c < D; c++) x[n * D + c] = narrow(sum[c] * qn * norm[c]);
  }
  delete[] sum;
}

// Gradients gx, gwrite, gmix in; gh [N, 4, D], graw [N, 24], gbase [24], gscale [3], gnorm [D] out (the last three are added to).
extern "C" void streams_in_backward(const uint16_t* h, const uint16_t* raw, const float* base, const float* scale, const float* norm, const float* write, const float* read,
                                    const float* r, const float* q, const uint16_t* gx, const float* gwrite, const float* gmix, uint16_t* gh, uint16_t* graw,
                                    float* gbase, float* gscale, float* gnorm, int64_t N, int64_t D, float eps) {
  float *y = new float[D], *g = new float[D];
  for (int64_t n = 0; n < N; n++) {
    const uint16_t *v = h + n * 4 * D, *z = raw + n * 24, *gxn = gx + n * D;
    const float a0 = read[n * 4], a1 = read[n * 4 + 1], a2 = read[n * 4 + 2], a3 = read[n * 4 + 3], qn = q[n], rn = r[n];
    float dot = 0;
    for (int64_t c = 0; c < D; c++) {
      float f = (a0 * widen(v[c]) + a1 * widen(v[D + c]) + a2 * widen(v[2 * D + c]) + a3 * widen(v[3 * D + c])) * qn, in = widen(gxn[c]);
      y[c] = f; gnorm[c] += in * f; g[c] = in * norm[c]; dot += g[c] * f;
    }
    dot /= D;
    float d0 = 0, d1 = 0, d2 = 0, d3 = 0;
    for (int64_t c = 0; c < D; c++) {
      float f = qn * (g[c] - y[c] * dot); g[c] = f;
      d0 += f * widen(v[c]); d1 += f * widen(v[D + c]); d2 += f * widen(v[2 * D + c]); d3 += f * widen(v[3 * D + c]);
    }
    const float dread[4] = {d0, d1, d2, d3};
    float gr = 0;
    for (int j = 0; j < 24; j++) {
      const int part = j < 4 ? 0 : j < 8 ? 1 : 2;
      float a, s;
      if (j < 4) { s = read[n * 4 + j] - eps; a = dread[j] * s * (1 - s); }
      else if (j < 8) { s = write[n * 4 + j - 4] * 0.5f; a = gwrite[n * 4 + j - 4] * 2 * s * (1 - s); }
      else a = gmix[n * 16 + j - 8];
      const float zj = widen(z[j]);
      gbase[j] += a; gscale[part] += a * zj * rn;
      const float gz = a * scale[part];
      graw[n * 24 + j] = narrow(gz * rn);
      gr += gz * zj;
    }
    const float k = -gr * rn * rn * rn / (4 * D);
    for (int j = 0; j < 4; j++) { const float a = read[n * 4 + j]; for (int64_t c = 0; c < D; c++) gh[n * 4 * D + j * D + c] = narrow(a * g[c] + k * widen(v[j * D + c])); }
  }
  delete[] y; delete[] g;
}

// out[k] = write_k y + sum_j mix[j, k] h_j
extern "C" void streams_out(const uint16_t* h, const uint16_t* y, const float* write, const float* mix, uint16_t* out, int64_t N, int64_t D) {
  for (int64_t n = 0; n < N; n++) {
    const uint16_t *v = h + n * 4 * D, *yn = y + n * D;
    const float *m = mix + n * 16, *w = write + n * 4;
    for (int k = 0; k < 4; k++) {
      uint16_t* o = out + n * 4 * D + k * D;
      const float m0 = m[k], m1 = m[4 + k], m2 = m[8 + k], m3 = m[12 + k], wk = w[k];
      for (int64_t c = 0; c < D; c++) o[c] = narrow(wk * widen(yn[c]) + m0 * widen(v[c]) + m1 * widen(v[D + c]) + m2 * widen(v[2 * D + c]) + m3 * widen(v[3 * D + c]));
    }
  }
}

extern "C" void streams_out_backward(const uint16_t* h, const uint16_t* y, const float* write, const float* mix, const uint16_t* g, uint16_t* gh, uint16_t* gy,
                                     float* gwrite, float* gmix, int64_t N, int64_t D) {
  for (int64_t n = 0; n < N; n++) {
    const uint16_t *v = h + n * 4 * D, *yn = y + n * D, *gn = g + n * 4 * D;
    const float *m = mix + n * 16, *w = write + n * 4;
    for (int j = 0; j < 4; j++) {
      uint16_t* o = gh + n * 4 * D + j * D;
      const float *mj = m + j * 4, m0 = mj[0], m1 = mj[1], m2 = mj[2], m3 = mj[3];
      float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
      for (int64_t c = 0; c < D; c++) {
        const float g0 = widen(gn[c]), g1 = widen(gn[D + c]), g2 = widen(gn[2 * D + c]), g3 = widen(gn[3 * D + c]), hv = widen(v[j * D + c]);
        o[c] = narrow(m0 * g0 + m1 * g1 + m2 * g2 + m3 * g3);
        s0 += hv * g0; s1 += hv * g1; s2 += hv * g2; s3 += hv * g3;
      }
      float* gm = gmix + n * 16 + j * 4;
      gm[0] = s0; gm[1] = s1; gm[2] = s2; gm[3] = s3;
    }
    float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (int64_t c = 0; c < D; c++) {
      const float g0 = widen(gn[c]), g1 = widen(gn[D + c]), g2 = widen(gn[2 * D + c]), g3 = widen(gn[3 * D + c]), f = widen(yn[c]);
      gy[n * D + c] = narrow(w[0] * g0 + w[1] * g1 + w[2] * g2 + w[3] * g3);
      s0 += f * g0; s1 += f * g1; s2 += f * g2; s3 += f * g3;
    }
    gwrite[n * 4] = s0; gwrite[n * 4 + 1] = s1; gwrite[n * 4 + 2] = s2; gwrite[n * 4 + 3] = s3;
  }
}

// ---- RMS norm (if norm) and rotation of the last 2*half of d components. Row n has position (n / heads) % T; tables [T', half], sign -1 inverts.
extern "C" void norm_rotate(const uint16_t* x, const float* weight, const float* cosine, const float* sine, uint16_t* out, float* q, int64_t N, int64_t d,
                            int64_t half, int64_t heads, int64_t T, int64_t norm, float sign, float eps) {
  float* f = new float[d];
  for (int64_t n = 0; n < N; n++) {
    const uint16_t* v = x + n * d;
    float square = 0, scale = 1;
    for (int64_t c = 0; c < d; c++) { f[c] = widen(v[c]); square += f[c] * f[c]; }
    if (norm) { scale = 1.f / sqrtf(square / d + eps); q[n] = scale; }
    if (weight) for (int64_t c = 0; c < d; c++) f[c] *= scale * weight[c]; else for (int64_t c = 0; c < d; c++) f[c] *= scale;
    const int64_t at = (n / heads) % T;
    float* t = f + d - 2 * half;
    for (int64_t k = 0; k < half; k++) {
      const float co = cosine[at * half + k], si = sign * sine[at * half + k], a = t[2 * k], b = t[2 * k + 1];
      t[2 * k] = a * co - b * si; t[2 * k + 1] = a * si + b * co;
    }
    for (int64_t c = 0; c < d; c++) out[n * d + c] = narrow(f[c]);
  }
  delete[] f;
}

extern "C" void norm_rotate_backward(const uint16_t* x, const float* weight, const float* cosine, const float* sine, const float* q, const uint16_t* gradient, uint16_t* gx,
                                     float* gweight, int64_t N, int64_t d, int64_t half, int64_t heads, int64_t T, int64_t norm, float sign) {
  float *g = new float[d], *y = new float[d];
  for (int64_t n = 0; n < N; n++) {
    for (int64_t c = 0; c < d; c++) g[c] = widen(gradient[n * d + c]);
    const int64_t at = (n / heads) % T;
    float* t = g + d - 2 * half;
    for (int64_t k = 0; k < half; k++) {
      const float co = cosine[at * half + k], si = sign * sine[at * half + k], a = t[2 * k], b = t[2 * k + 1];
      t[2 * k] = a * co + b * si; t[2 * k + 1] = b * co - a * si;
    }
    if (norm) {
      float dot = 0;
      const float s = q[n];
      for (int64_t c = 0; c < d; c++) y[c] = widen(x[n * d + c]) * s;
      if (weight) for (int64_t c = 0; c < d; c++) { gweight[c] += g[c] * y[c]; g[c] *= weight[c]; }
      for (int64_t c = 0; c < d; c++) dot += g[c] * y[c];
      dot /= d;
      for (int64_t c = 0; c < d; c++) g[c] = s * (g[c] - y[c] * dot);
    }
    for (int64_t c = 0; c < d; c++) gx[n * d + c] = narrow(g[c]);
  }
  delete[] g; delete[] y;
}

// ---- v = silu(min(g, limit)) * clamp(u) * weight (per row; may be null)
extern "C" void gated(const uint16_t* g, const uint16_t* u, const float* weight, uint16_t* v, int64_t N, int64_t F, float limit) {
  for (int64_t n = 0; n < N; n++) {
    const float w = weight ? weight[n] : 1.f;
    for (int64_t c = n * F; c < (n + 1) * F; c++) {
      float a = widen(g[c]), b = widen(u[c]);
      a = a > limit ? limit : a; b = b > limit ? limit : b < -limit ? -limit : b;
      v[c] = narrow(a / (1.f + expf(-a)) * b * w);
    }
  }
}

extern "C" void gated_backward(const uint16_t* g, const uint16_t* u, const float* weight, const uint16_t* gv, uint16_t* gg, uint16_t* gu, float* gweight,
                               int64_t N, int64_t F, float limit) {
  for (int64_t n = 0; n < N; n++) {
    const float w = weight ? weight[n] : 1.f;
    float sum = 0;
    for (int64_t c = n * F; c < (n + 1) * F; c++) {
      const float a0 = widen(g[c]), b0 = widen(u[c]), in = widen(gv[c]);
      const float a = a0 > limit ? limit : a0, b = b0 > limit ? limit : b0 < -limit ? -limit : b0, s = 1.f / (1.f + expf(-a)), silu = a * s;
      sum += in * silu * b;
      gg[c] = narrow(a0 > limit ? 0.f : in * w * b * s * (1.f + a * (1.f - s)));
      gu[c] = narrow(b0 > limit || b0 < -limit ? 0.f : in * w * silu);
    }
    if (weight) gweight[n] = sum;
  }
}
