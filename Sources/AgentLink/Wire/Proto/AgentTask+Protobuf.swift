import CNezhaProto
import CProtobufC

extension AgentTask: ProtobufMessage {
    package init(protobuf bytes: [UInt8]) throws(ProtobufError) {
        self = unsafe try Protobuf.read(bytes, proto__task__unpack) { message throws(ProtobufError) in
            AgentTask(
                id: unsafe message.pointee.id, type: unsafe message.pointee.type,
                data: unsafe try Protobuf.text(message.pointee.data))
        }
    }

    package func protobuf() -> [UInt8] {
        unsafe withDataInPlace(data) { data in
            var message = unsafe Proto__Task()
            unsafe proto__task__init(&message)
            unsafe message.id = id
            unsafe message.type = type
            unsafe message.data = data
            return unsafe Protobuf.write(&message, proto__task__get_packed_size, proto__task__pack)
        }
    }
}

extension AgentTaskResult: ProtobufMessage {
    package init(protobuf bytes: [UInt8]) throws(ProtobufError) {
        self = unsafe try Protobuf.read(bytes, proto__task_result__unpack) { message throws(ProtobufError) in
            AgentTaskResult(
                id: unsafe message.pointee.id, type: unsafe message.pointee.type,
                reply: AgentTaskReply(
                    data: unsafe try Protobuf.text(message.pointee.data),
                    successful: unsafe message.pointee.successful != 0, delay: unsafe message.pointee.delay))
        }
    }

    package func protobuf() -> [UInt8] {
        unsafe withDataInPlace(reply.data) { data in
            var message = unsafe Proto__TaskResult()
            unsafe proto__task_result__init(&message)
            unsafe message.id = id
            unsafe message.type = type
            unsafe message.delay = reply.delay
            unsafe message.data = data
            unsafe message.successful = reply.successful ? 1 : 0
            return unsafe Protobuf.write(&message, proto__task_result__get_packed_size, proto__task_result__pack)
        }
    }
}

/// Bodies are up to megabytes, so they are not copied before they are written. protobuf-c only reads what it packs.
private func withDataInPlace(_ text: String, _ body: (ProtobufCBinaryData) -> [UInt8]) -> [UInt8] {
    var text = text
    return text.withUTF8 { bytes in
        unsafe body(ProtobufCBinaryData(len: bytes.count, data: UnsafeMutablePointer(mutating: bytes.baseAddress)))
    }
}
