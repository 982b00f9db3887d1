cwlVersion: v1.2
class: CommandLineTool
requirements:
  DockerRequirement:
    dockerPull: busybox
baseCommand: sort
inputs:
  lines:
    type: File
    inputBinding: {}
outputs:
  sorted:
    type: stdout
stdout: sorted.txt
