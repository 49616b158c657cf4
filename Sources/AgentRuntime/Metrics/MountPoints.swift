/// The file systems that count as disks, from `/proc/self/mounts`.
enum MountPoints {
    /// File systems that hold data on a device of this machine. Everything else is memory, a view of the kernel or
    /// somebody else's disk.
    static let diskTypes: Set<Substring> = [
        "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "jfs", "reiserfs", "bcachefs", "simfs", "ntfs", "ntfs3",
        "vfat", "exfat", "fuseblk", "apfs", "nilfs2", "ubifs",
    ]

    /// One mount point for each device, so that bind mounts and subvolumes count once.
    static func disks(mounts: String) -> [String] {
        var seen: Set<[UInt8]> = []
        var points: [String] = []
        for line in mounts[...].pieces(by: UInt8(ascii: "\n")) {
            let fields = line.pieces(by: UInt8(ascii: " "))
            guard fields.count >= 3, diskTypes.contains(fields[2]) else { continue }
            // The data sets of one ZFS pool share its space: the pool is what is before the first slash.
            let isPooled = fields[2].utf8.elementsEqual("zfs".utf8)
            let device = fields[0].utf8.prefix { !isPooled || $0 != UInt8(ascii: "/") }
            if seen.insert(Array(device)).inserted { points.append(unescape(fields[1])) }
        }
        return points
    }

    /// Blank, tab, newline and backslash are written as `\` and three octal digits.
    static func unescape(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3,
                let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
