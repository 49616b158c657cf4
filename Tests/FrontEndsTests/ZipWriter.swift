/// Writes zip files, also such as no honest program writes.
struct ZipWriter {
    struct Entry {
        var name: [UInt8]
        var data: [UInt8] = []
        /// The mode that the directory says it has, in the words of Unix; `nil` for an archive of another system.
        var mode: UInt32?
        var flags: UInt16 = 0
        var method: UInt16 = 0
        /// What the headers say of the size; `nil` tells the truth.
        var size: UInt32?
        var crc: UInt32?
    }

    private var bytes: [UInt8] = []
    private var directory: [UInt8] = []
    private var count: UInt16 = 0

    static func file(_ entries: [Entry]) -> [UInt8] {
        var writer = ZipWriter()
        for entry in entries { writer.add(entry) }
        return writer.finish()
    }

    static func file(_ files: KeyValuePairs<String, String>) -> [UInt8] {
        file(files.map { Entry(name: Array($0.key.utf8), data: Array($0.value.utf8)) })
    }

    private mutating func add(_ entry: Entry) {
        let start = UInt32(bytes.count)
        let common =
            two(20) + two(entry.flags) + two(entry.method) + two(0) + two(0) + four(entry.crc ?? Self.crc(entry.data))
            + four(UInt32(entry.data.count)) + four(entry.size ?? UInt32(entry.data.count))
            + two(UInt16(entry.name.count)) + two(0)
        bytes += four(0x0403_4B50) + common + entry.name + entry.data
        directory += four(0x0201_4B50) + two(entry.mode == nil ? 20 : 3 << 8 | 20) + common + two(0) + two(0) + two(0)
        directory += four((entry.mode ?? 0) << 16) + four(start) + entry.name
        count += 1
    }

    private func finish() -> [UInt8] {
        bytes + directory + four(0x0605_4B50) + two(0) + two(0) + two(count) + two(count)
            + four(UInt32(directory.count)) + four(UInt32(bytes.count)) + two(0)
    }

    private func two(_ value: UInt16) -> [UInt8] { [UInt8(value & 0xFF), UInt8(value >> 8)] }

    private func four(_ value: UInt32) -> [UInt8] { two(UInt16(value & 0xFFFF)) + two(UInt16(value >> 16)) }

    private static func crc(_ data: [UInt8]) -> UInt32 {
        ~data.reduce(0xFFFF_FFFF) { crc, byte in
            (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
    }
}
