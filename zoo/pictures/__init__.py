"""Operations on pixels: ranges, resizing, PSNR and random augmentation."""
