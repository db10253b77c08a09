"""The two tiers: their config.json."""

COMMON = {
    'architectures': ['DeepseekV4ForCausalLM'], 'model_type': 'deepseek_v4', 'num_key_value_heads': 1, 'qk_rope_head_dim': 32,
    'sliding_window': 512, 'rope_theta': 10000, 'compress_rope_theta': 160000,
    'rope_scaling': {'type': 'yarn', 'factor': 16, 'original_max_position_embeddings': 65536, 'beta_fast': 32, 'beta_slow': 1},
    'max_position_embeddings': 16384, 'index_n_heads': 4, 'index_head_dim': 64, 'index_topk': 512, 'num_experts_per_tok': 2, 'n_shared_experts': 1,
    'scoring_func': 'sqrtsoftplus', 'topk_method': 'noaux_tc', 'norm_topk_prob': True, 'routed_scaling_factor': 1.5, 'swiglu_limit': 10.0, 'num_hash_layers': 1,
    'hc_mult': 4, 'hc_sinkhorn_iters': 20, 'hc_eps': 1e-6, 'rms_norm_eps': 1e-6, 'num_nextn_predict_layers': 0, 'tie_word_embeddings': False,
    'bos_token_id': 0, 'eos_token_id': 1, 'hidden_act': 'silu', 'attention_bias': False, 'torch_dtype': 'bfloat16', 'expert_dtype': 'fp4',
    'quantization_config': {'quant_method': 'fp8', 'fmt': 'e4m3', 'scale_fmt': 'ue8m0', 'weight_block_size': [128, 128], 'activation_scheme': 'dynamic'}}

TIERS = {
    'flash-mini': {'hidden_size': 128, 'num_attention_heads': 4, 'head_dim': 64, 'q_lora_rank': 128, 'o_groups': 2, 'o_lora_rank': 128,
                   'compress_ratios': [0, 4, 0, 128, 0], 'n_routed_experts': 16, 'moe_intermediate_size': 128},
    'pro-mini': {'hidden_size': 256, 'num_attention_heads': 4, 'head_dim': 64, 'q_lora_rank': 128, 'o_groups': 2, 'o_lora_rank': 128,
                 'compress_ratios': [0, 4, 0, 128, 0], 'n_routed_experts': 16, 'moe_intermediate_size': 128}}


def config_of(tier, vocab_size):
    config = {**COMMON, **TIERS[tier], 'vocab_size': vocab_size}
    config['num_hidden_layers'] = len(config['compress_ratios'])
    return config
