/// Big-endian integers of the stream protocols.
enum BigEndian {
    static func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        stride(from: Value.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    /// `nil` when `bytes` holds fewer than the value needs; further bytes are ignored.
    static func read<Value: FixedWidthInteger & UnsignedInteger>(
        _ type: Value.Type, _ bytes: some Collection<UInt8>
    ) -> Value? {
        let size = Value.bitWidth / 8
        var value: Value = 0
        var count = 0
        for byte in bytes.prefix(size) {
            value = value << 8 | Value(byte)
            count += 1
        }
        return count == size ? value : nil
    }
}
